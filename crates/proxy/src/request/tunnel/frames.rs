//! Where WebSocket frames end: lengths only, so that a farewell is never put into the middle of one.

/// Counts through a stream of frames (RFC 6455 §5.2).
#[derive(Debug, Default)]
pub struct Frames {
    /// Bytes of header read so far.
    header: u8,
    /// Bytes the header has, once known.
    header_size: u8,
    length: u64,
    /// Payload still to come.
    left: u64,
}

impl Frames {
    /// These bytes passed.
    pub fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let skipped = self.left.min(bytes.len() as u64);
                self.left -= skipped;
                bytes = &bytes[skipped as usize..];
                continue;
            }
            self.header_byte(bytes[0]);
            bytes = &bytes[1..];
        }
    }

    /// No frame is unfinished.
    pub fn at_boundary(&self) -> bool {
        self.header == 0 && self.left == 0
    }

    fn header_byte(&mut self, byte: u8) {
        self.header += 1;
        match self.header {
            1 => (self.header_size, self.length) = (2, 0),
            2 => {
                let mask = if byte & 0x80 != 0 { 4 } else { 0 };
                let (extended, length) = match byte & 0x7F {
                    126 => (2, 0),
                    127 => (8, 0),
                    short => (0, u64::from(short)),
                };
                (self.header_size, self.length) = (2 + extended + mask, length);
            }
            // The extended length, before the mask.
            at if self.has_extended() && at <= self.extended_end() => self.length = self.length << 8 | u64::from(byte),
            _ => {}
        }
        if self.header >= 2 && self.header == self.header_size {
            (self.left, self.header) = (self.length, 0);
        }
    }

    fn has_extended(&self) -> bool {
        !matches!(self.header_size, 2 | 6)
    }

    fn extended_end(&self) -> u8 {
        if matches!(self.header_size, 4 | 8) { 4 } else { 10 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(size: usize, masked: bool) -> Vec<u8> {
        let bit = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x82];
        match size {
            0..=125 => frame.push(size as u8 | bit),
            126..=65_535 => {
                frame.push(126 | bit);
                frame.extend((size as u16).to_be_bytes());
            }
            _ => {
                frame.push(127 | bit);
                frame.extend((size as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0xFF; size + if masked { 4 } else { 0 }]);
        frame
    }

    proptest! {
        #[test]
        fn a_boundary_is_found_at_the_end_of_each_frame_and_nowhere_else(
            sizes in prop::collection::vec((prop_oneof![0usize..130, Just(65_535), Just(65_536)], any::<bool>()), 1..4),
            step in 1usize..5000,
        ) {
            let stream: Vec<u8> = sizes.iter().flat_map(|(size, masked)| frame(*size, *masked)).collect();
            let ends: Vec<usize> = sizes.iter().scan(0, |end, (size, masked)| { *end += frame(*size, *masked).len(); Some(*end) }).collect();
            let mut frames = Frames::default();
            let mut at = 0;
            for piece in stream.chunks(step) {
                frames.pass(piece);
                at += piece.len();
                prop_assert_eq!(frames.at_boundary(), ends.contains(&at), "at {}", at);
            }
        }
    }
}
