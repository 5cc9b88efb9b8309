//! Frames (RFC 9113 §4, §6): their nine octets of header, and the words in them.

/// Octets before each payload.
pub const HEADER: usize = 9;
/// Where in a header its flags are.
pub const FLAGS: usize = 4;
/// The largest payload that we take, which is the least that everybody must take.
pub const PAYLOAD_MAX: usize = 16 << 10;
/// What a client sends first (RFC 9113 §3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The largest window (RFC 9113 §6.9.1).
pub const WINDOW_MAX: i64 = (1 << 31) - 1;

/// Kinds of frames.
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags.
pub const END_STREAM: u8 = 0x01;
pub const ACK: u8 = 0x01;
pub const END_HEADERS: u8 = 0x04;
pub const PADDED: u8 = 0x08;
pub const PRIORITIZED: u8 = 0x20;

/// Settings (RFC 9113 §6.5.2, RFC 8441 §3).
pub const HEADER_TABLE_SIZE: u16 = 1;
pub const ENABLE_PUSH: u16 = 2;
pub const MAX_CONCURRENT_STREAMS: u16 = 3;
pub const INITIAL_WINDOW_SIZE: u16 = 4;
pub const MAX_FRAME_SIZE: u16 = 5;
pub const MAX_HEADER_LIST_SIZE: u16 = 6;
pub const ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// Why a stream or a connection ends (RFC 9113 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u32);

#[allow(missing_docs, reason = "the words are those of the RFC")]
impl Code {
    pub const NO_ERROR: Self = Self(0);
    pub const PROTOCOL_ERROR: Self = Self(1);
    pub const INTERNAL_ERROR: Self = Self(2);
    pub const FLOW_CONTROL_ERROR: Self = Self(3);
    pub const STREAM_CLOSED: Self = Self(5);
    pub const FRAME_SIZE_ERROR: Self = Self(6);
    pub const REFUSED_STREAM: Self = Self(7);
    pub const CANCEL: Self = Self(8);
    pub const COMPRESSION_ERROR: Self = Self(9);
    pub const ENHANCE_YOUR_CALM: Self = Self(11);
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// Octets of payload.
    pub length: usize,
    /// What it is.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
}

impl FrameHead {
    /// The one that `bytes` begin with, if it is whole.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, w, x, y, z] = *bytes.first_chunk::<HEADER>()?;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        // The highest bit is reserved.
        Some(Self { length, kind, flags, stream: u32::from_be_bytes([w & 0x7F, x, y, z]) })
    }

    /// Its octets.
    pub fn octets(self) -> [u8; HEADER] {
        let [_, a, b, c] = (self.length as u32).to_be_bytes();
        let [w, x, y, z] = self.stream.to_be_bytes();
        [a, b, c, self.kind, self.flags, w, x, y, z]
    }

    /// Whether it has this flag.
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Its payload without padding; `None` when the padding is longer than that.
    pub fn unpadded(self, payload: &[u8]) -> Option<&[u8]> {
        if !self.has(PADDED) {
            return Some(payload);
        }
        let (&padding, rest) = payload.split_first()?;
        rest.get(..rest.len().checked_sub(usize::from(padding))?)
    }
}

/// Appends a frame.
pub fn push(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&FrameHead { length: payload.len(), kind, flags, stream }.octets());
    out.extend_from_slice(payload);
}

/// The first four octets as a number; 0 when there are fewer.
pub fn word(payload: &[u8]) -> u32 {
    payload.first_chunk().map_or(0, |word| u32::from_be_bytes(*word))
}
