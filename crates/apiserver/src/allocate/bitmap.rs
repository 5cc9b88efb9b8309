//! A set of small numbers that finds a free one from anywhere in a few steps, however full it is.

/// One bit a number, and one bit more for each word of 64 that has none free: a search skips 4096 numbers a step.
#[derive(Debug)]
pub struct Bitmap {
    words: Vec<u64>,
    full: Vec<u64>,
    len: usize,
    used: usize,
}

impl Bitmap {
    /// An empty set of numbers below `len`.
    pub fn new(len: usize) -> Self {
        let words = len.div_ceil(64);
        Self { words: vec![0; words], full: vec![0; words.div_ceil(64)], len, used: 0 }
    }

    /// How many numbers are in the set.
    pub fn used(&self) -> usize {
        self.used
    }

    /// The numbers in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let set = self.words.iter().enumerate().filter(|(_, w)| **w != 0);
        set.flat_map(|(i, w)| (0..64).filter(move |bit| w & (1 << bit) != 0).map(move |bit| i * 64 + bit))
    }

    /// Whether `number` is in the set. Numbers beyond its end are not.
    pub fn has(&self, number: usize) -> bool {
        number < self.len && self.words[number / 64] & (1 << (number % 64)) != 0
    }

    /// Adds `number`; false if it was there or lies beyond the end.
    pub fn add(&mut self, number: usize) -> bool {
        if number >= self.len || self.has(number) {
            return false;
        }
        let word = number / 64;
        self.words[word] |= 1 << (number % 64);
        if self.words[word] == u64::MAX {
            self.full[word / 64] |= 1 << (word % 64);
        }
        self.used += 1;
        true
    }

    /// Removes `number`; false if it was not there.
    pub fn remove(&mut self, number: usize) -> bool {
        if !self.has(number) {
            return false;
        }
        let word = number / 64;
        self.words[word] &= !(1 << (number % 64));
        self.full[word / 64] &= !(1 << (word % 64));
        self.used -= 1;
        true
    }

    /// The first number of `low..high` from `start` on that is free, going round once.
    pub fn free_from(&self, start: usize, low: usize, high: usize) -> Option<usize> {
        let high = high.min(self.len);
        self.free_between(start.max(low), high).or_else(|| self.free_between(low, start.min(high)))
    }

    fn free_between(&self, low: usize, high: usize) -> Option<usize> {
        let mut at = low;
        while at < high {
            let word = at / 64;
            let free = !self.words[word] & (u64::MAX << (at % 64));
            if free != 0 {
                let number = word * 64 + free.trailing_zeros() as usize;
                return (number < high).then_some(number);
            }
            at = self.word_with_room(word + 1).saturating_mul(64);
        }
        None
    }

    /// The first word from `word` on that the summary says has room; one beyond the end if none has.
    fn word_with_room(&self, mut word: usize) -> usize {
        while word < self.words.len() {
            let room = !self.full[word / 64] & (u64::MAX << (word % 64));
            if room != 0 {
                return word / 64 * 64 + room.trailing_zeros() as usize;
            }
            word = (word / 64 + 1) * 64;
        }
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_free_number_is_found_from_anywhere() {
        let mut set = Bitmap::new(100_000);
        assert!((0..100_000).all(|n| set.add(n)) && set.used() == 100_000);
        assert_eq!(set.free_from(5, 0, 100_000), None);
        for hole in [0, 63, 64, 4095, 4096, 77_777, 99_999] {
            assert!(set.remove(hole) && !set.remove(hole));
            for start in [0, 1, 64, 50_000, 99_999] {
                assert_eq!(set.free_from(start, 0, 100_000), Some(hole), "from {start}");
            }
            assert!(set.add(hole) && !set.add(hole));
        }
    }

    #[test]
    fn bounds_are_respected() {
        let mut set = Bitmap::new(10);
        assert!(!set.add(10) && !set.has(10));
        assert_eq!(set.free_from(9, 3, 5), Some(3));
        assert!(set.add(3) && set.add(4));
        assert_eq!(set.free_from(3, 3, 5), None);
        assert_eq!(set.free_from(0, 0, 100), Some(0));
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 4]);
    }
}
