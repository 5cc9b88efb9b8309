//! Memory for bytes in transit: 32 KiB a direction, lent by the thread while there is something in it, so that an idle
//! connection holds none.

use std::cell::RefCell;

/// Bytes of one buffer (gateway spec G115).
pub const SIZE: usize = 32 << 10;

/// Spare buffers that a thread keeps: 2 MiB. Last returned, first lent, so the same warm pages serve request after request.
const SPARE: usize = 64;

thread_local! {
    static FREE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// A queue of bytes in one piece of memory, or in none while it is empty.
#[derive(Default)]
pub struct Buffer {
    memory: Option<Box<[u8]>>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// What is in it.
    pub fn bytes(&self) -> &[u8] {
        self.memory.as_deref().map_or(&[], |memory| &memory[self.start..self.end])
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How much is in it.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Where to put more; empty when it is full. Takes memory, and moves what is there to the front when the end is near.
    pub fn room(&mut self) -> &mut [u8] {
        let memory = self.memory.get_or_insert_with(|| FREE.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; SIZE].into_boxed_slice()));
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end > SIZE / 2 && self.start > 0 {
            memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut memory[self.end..]
    }

    /// So many bytes were put into the room.
    pub fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// So many bytes at the front are done with.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end);
    }

    /// Gives the memory back if nothing is in it.
    pub fn release(&mut self) {
        if self.is_empty()
            && let Some(memory) = self.memory.take()
        {
            (self.start, self.end) = (0, 0);
            FREE.with_borrow_mut(|free| {
                if free.len() < SPARE {
                    free.push(memory);
                }
            });
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.start = self.end;
        // A thread that ends has no list any more; then the memory is simply freed.
        if let Some(memory) = self.memory.take() {
            let _ = FREE.try_with(|free| {
                if let Ok(mut free) = free.try_borrow_mut()
                    && free.len() < SPARE
                {
                    free.push(memory);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_and_an_empty_one_holds_no_memory() {
        let mut buffer = Buffer::default();
        assert!(buffer.bytes().is_empty() && buffer.memory.is_none());
        for round in 0..10u8 {
            let piece = vec![round; SIZE / 2];
            let room = buffer.room();
            room[..piece.len()].copy_from_slice(&piece);
            buffer.filled(piece.len());
            assert_eq!(buffer.bytes().last(), Some(&round));
            buffer.consume(SIZE / 4);
            buffer.consume(buffer.len().saturating_sub(SIZE / 4));
        }
        assert_eq!(buffer.bytes(), [9; SIZE / 4]);
        buffer.release();
        assert!(buffer.memory.is_some(), "not while something is in it");
        buffer.consume(buffer.len());
        buffer.release();
        assert!(buffer.memory.is_none());
    }
}
