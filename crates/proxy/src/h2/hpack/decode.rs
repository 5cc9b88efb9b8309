//! Header blocks from octets.

use super::huffman;
use super::table::Table;

/// Memory for strings that is kept from one block to the next.
const KEPT: usize = 4096;

/// A block that cannot be read. The table is out of step from then on, so the connection ends (RFC 9113 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbled;

/// Reads the blocks of one direction of a connection.
pub struct Decoder {
    table: Table,
    /// The bound that we announced.
    most: usize,
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Decoder {
    /// For a peer that was told this size of the dynamic table, in octets.
    pub fn new(most: usize) -> Self {
        Self { table: Table::new(most), most, name: Vec::new(), value: Vec::new() }
    }

    /// Gives each field of a whole block, in order.
    ///
    /// # Errors
    /// When it is against RFC 7541.
    pub fn decode(&mut self, block: &[u8], mut each: impl FnMut(&[u8], &[u8])) -> Result<(), Garbled> {
        let mut rest = block;
        let mut begun = false;
        while let Some(&first) = rest.first() {
            match first {
                0x80.. => {
                    let (name, value) = self.table.get(integer(&mut rest, 7)?).ok_or(Garbled)?;
                    each(name, value);
                }
                0x40.. => self.literal(&mut rest, 6, true, &mut each)?,
                0x20.. => {
                    // Only where a block begins (RFC 7541 §4.2).
                    let size = integer(&mut rest, 5)?;
                    if begun || size > self.most {
                        return Err(Garbled);
                    }
                    self.table.resize(size);
                    continue;
                }
                _ => self.literal(&mut rest, 4, false, &mut each)?,
            }
            begun = true;
        }
        self.name.clear();
        self.name.shrink_to(KEPT);
        self.value.clear();
        self.value.shrink_to(KEPT);
        Ok(())
    }

    /// A field whose value is spelled out, and perhaps its name. With `keep` it enters the table.
    fn literal(&mut self, rest: &mut &[u8], prefix: u32, keep: bool, each: &mut impl FnMut(&[u8], &[u8])) -> Result<(), Garbled> {
        let index = integer(rest, prefix)?;
        if index == 0 {
            let name = string(rest, &mut self.name)?;
            let value = string(rest, &mut self.value)?;
            each(name, value);
            if keep {
                self.table.insert(name, value);
            }
            return Ok(());
        }
        let (name, _) = self.table.get(index).ok_or(Garbled)?;
        let value = string(rest, &mut self.value)?;
        each(name, value);
        if keep {
            // The entry that lends its name may have to go.
            self.name.clear();
            self.name.extend_from_slice(name);
            self.table.insert(&self.name, value);
        }
        Ok(())
    }
}

/// An integer whose first octet has `prefix` bits of it (RFC 7541 §5.1). More than four octets after that are refused: nothing
/// that fits into a block needs them.
fn integer(rest: &mut &[u8], prefix: u32) -> Result<usize, Garbled> {
    let (&first, mut more) = rest.split_first().ok_or(Garbled)?;
    let full = (1usize << prefix) - 1;
    let mut number = usize::from(first) & full;
    if number == full {
        let mut shift = 0;
        loop {
            let (&octet, after) = more.split_first().ok_or(Garbled)?;
            more = after;
            if shift > 21 {
                return Err(Garbled);
            }
            number += usize::from(octet & 0x7F) << shift;
            shift += 7;
            if octet & 0x80 == 0 {
                break;
            }
        }
    }
    *rest = more;
    Ok(number)
}

/// A string, from where it stands or decoded into `memory`.
fn string<'m, 'i: 'm>(rest: &mut &'i [u8], memory: &'m mut Vec<u8>) -> Result<&'m [u8], Garbled> {
    let coded = rest.first().ok_or(Garbled)? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (raw, after) = rest.split_at_checked(length).ok_or(Garbled)?;
    *rest = after;
    if !coded {
        return Ok(raw);
    }
    memory.clear();
    if huffman::decode(raw, memory) { Ok(memory) } else { Err(Garbled) }
}
