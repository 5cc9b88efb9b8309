//! The Huffman code of string literals (RFC 7541 §5.2, Appendix B). It is canonical: codes of one length are consecutive, in the
//! order of their symbols, and follow from the lengths alone.

/// Bits of each octet's code, and of the end of the string, which is never sent.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12,
    13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14,
    13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21,
    20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23,
    22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22,
    25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// The longest code in bits.
const LONGEST: usize = 30;

/// By the next eight bits: symbol and length of a code that is not longer; a length of 0 where it is.
static SHORT: [(u8, u8); 256] = short();

/// By length in bits.
static LONG: [Row; LONGEST + 1] = rows();

/// Symbols in the order of their codes.
static SORTED: [u16; 257] = sorted();

/// The codes of one length.
#[derive(Clone, Copy)]
struct Row {
    first: u32,
    count: u32,
    /// Where their symbols begin in [`SORTED`].
    at: u32,
}

const fn rows() -> [Row; LONGEST + 1] {
    let mut rows = [Row { first: 0, count: 0, at: 0 }; LONGEST + 1];
    let mut symbol = 0;
    while symbol < LENGTHS.len() {
        rows[LENGTHS[symbol] as usize].count += 1;
        symbol += 1;
    }
    let mut length = 1;
    while length <= LONGEST {
        rows[length].first = (rows[length - 1].first + rows[length - 1].count) << 1;
        rows[length].at = rows[length - 1].at + rows[length - 1].count;
        length += 1;
    }
    rows
}

const fn sorted() -> [u16; 257] {
    let mut sorted = [0; 257];
    let (mut length, mut at) = (1, 0);
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                sorted[at] = symbol as u16;
                at += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    sorted
}

const fn short() -> [(u8, u8); 256] {
    let (rows, sorted) = (rows(), sorted());
    let mut table = [(0, 0); 256];
    let mut length = 1;
    while length <= 8 {
        let row = rows[length];
        let mut index = 0;
        while index < row.count {
            let spread = 1 << (8 - length);
            let from = ((row.first + index) as usize) << (8 - length);
            let mut low = 0;
            while low < spread {
                table[from + low] = (sorted[(row.at + index) as usize] as u8, length as u8);
                low += 1;
            }
            index += 1;
        }
        length += 1;
    }
    table
}

/// Appends the text that `input` codes; false when it is no string of this code.
#[must_use]
pub fn decode(input: &[u8], out: &mut Vec<u8>) -> bool {
    let mut rest = input.iter();
    // Bits that are not used yet, from the highest one on, and how many there are.
    let (mut pool, mut bits) = (0u64, 0u32);
    loop {
        while bits <= 56 {
            let Some(byte) = rest.next() else { break };
            pool |= u64::from(*byte) << (56 - bits);
            bits += 8;
        }
        if bits == 0 {
            return true;
        }
        // What is missing at the end counts as ones, as padding is: no short code consists of ones.
        let window = pool | u64::MAX.checked_shr(bits).unwrap_or(0);
        let (mut symbol, mut length) = SHORT[(window >> 56) as usize];
        if length == 0 {
            match long(window) {
                Some(found) => (symbol, length) = found,
                // The end of the string as a symbol, or its beginning as padding, which is shorter than an octet.
                None => return bits < 8 && window == u64::MAX,
            }
        }
        if u32::from(length) > bits {
            return false;
        }
        out.push(symbol);
        pool <<= length;
        bits -= u32::from(length);
    }
}

/// A code of more than eight bits at the top of `window`; none when it is the end of the string.
fn long(window: u64) -> Option<(u8, u8)> {
    for (length, row) in LONG.iter().enumerate().skip(9) {
        let code = (window >> (64 - length)) as u32;
        if code < row.first + row.count {
            let symbol = SORTED[(row.at + code - row.first) as usize];
            return u8::try_from(symbol).ok().map(|symbol| (symbol, length as u8));
        }
    }
    None
}

/// Codes text, for tests: what we send is not compressed.
#[cfg(test)]
pub fn encode(text: &[u8]) -> Vec<u8> {
    let (mut out, mut pool, mut bits) = (Vec::new(), 0u64, 0);
    for byte in text {
        let length = usize::from(LENGTHS[usize::from(*byte)]);
        let row = LONG[length];
        let place = (row.at..row.at + row.count).find(|at| SORTED[*at as usize] == u16::from(*byte)).expect("every octet has a code");
        pool = pool << length | u64::from(row.first + place - row.at);
        bits += length;
        while bits >= 8 {
            bits -= 8;
            out.push((pool >> bits) as u8);
        }
    }
    if bits > 0 {
        out.push((pool << (8 - bits)) as u8 | 0xFF >> bits);
    }
    out
}
