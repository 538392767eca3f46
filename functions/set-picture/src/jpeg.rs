//! JPEG files (ITU-T T.81).

use crate::{
    limits::{self, Unacceptable},
    source::{Bytes, Source},
};

/// Pixels that all scans of a file may visit. A photograph has up to ten scans, a hostile file as many as fit.
const MAX_SCANNED: u64 = 500_000_000;
/// Rows of blocks that the decoder holds for each component while it upsamples.
const ROW_BUFFERS: u64 = 4;
const EXIF: &[u8] = b"Exif\0\0";
const PROFILE: &[u8] = b"ICC_PROFILE\0";

/// The frame header.
struct Frame {
    width: u16,
    height: u16,
    is_progressive: bool,
    /// Horizontal and vertical sampling factor of each component.
    sampling: Vec<[u64; 2]>,
}

/// Keeps the tables, the frame and the scans, and of the application data the colour transform only.
///
/// # Errors
/// [`Unacceptable`] if the file is not a JPEG of 8 bits a sample, or exceeds the limits.
pub(crate) fn reduce(upload: &[u8]) -> Result<Source, Unacceptable> {
    let mut bytes = Bytes(upload);
    let mut source = Source { file: bytes.take(2)?.to_vec(), exif: None, profile: None };
    let (mut frame, mut chunks) = (None, Vec::new());
    loop {
        let marker = marker(&mut bytes)?;
        let length = u16::from_be_bytes(bytes.array()?);
        let content = bytes.take(usize::from(length.checked_sub(2).ok_or(Unacceptable)?))?;
        match marker {
            0xC0..=0xC2 if frame.is_none() => frame = Some(Frame::parse(marker, content)?),
            0xC4 | 0xDA | 0xDB | 0xDD | 0xEE => {}
            0xE1 => {
                source.exif = source.exif.or_else(|| content.strip_prefix(EXIF).map(<[u8]>::to_vec));
                continue;
            }
            0xE2 => {
                chunks.extend(content.strip_prefix(PROFILE).and_then(|chunk| chunk.split_at_checked(2)));
                continue;
            }
            0xE0 | 0xE3..=0xED | 0xEF | 0xFE => continue,
            _ => return Err(Unacceptable),
        }
        source.file.extend_from_slice(&[0xFF, marker]);
        source.file.extend_from_slice(&length.to_be_bytes());
        source.file.extend_from_slice(content);
        if marker == 0xDA {
            source.file.extend_from_slice(bytes.0);
            frame.ok_or(Unacceptable)?.check(content, &source.file)?;
            chunks.sort_by_key(|(number, _)| *number);
            let profile: Vec<u8> = chunks.into_iter().flat_map(|(_, part)| part).copied().collect();
            source.profile = Some(profile).filter(|profile| !profile.is_empty());
            return Ok(source);
        }
    }
}

/// Reads a marker, which any number of 0xFF may precede.
fn marker(bytes: &mut Bytes) -> Result<u8, Unacceptable> {
    if bytes.byte()? != 0xFF {
        return Err(Unacceptable);
    }
    loop {
        let marker = bytes.byte()?;
        if marker != 0xFF {
            return Ok(marker);
        }
    }
}

impl Frame {
    fn parse(marker: u8, content: &[u8]) -> Result<Self, Unacceptable> {
        let mut bytes = Bytes(content);
        let [bits, high_height, low_height, high_width, low_width, components] = bytes.array()?;
        let sampling: Vec<_> =
            bytes.0.chunks_exact(3).map(|part| [u64::from(part[1] >> 4), u64::from(part[1] & 15)]).collect();
        let is_sound = bits == 8
            && matches!(components, 1 | 3 | 4)
            && bytes.0.len() == 3 * usize::from(components)
            && sampling.iter().flatten().all(|factor| matches!(factor, 1 | 2 | 4));
        let (width, height) =
            (u16::from_be_bytes([high_width, low_width]), u16::from_be_bytes([high_height, low_height]));
        let frame = Self { width, height, is_progressive: marker == 0xC2, sampling };
        if is_sound { Ok(frame) } else { Err(Unacceptable) }
    }

    /// Checks what decoding takes, given the header of the first scan.
    fn check(&self, scan: &[u8], file: &[u8]) -> Result<(), Unacceptable> {
        let components = self.sampling.len();
        let samples = if components == 1 { 1 } else { 3 };
        let decoded = u64::from(self.width) * u64::from(self.height) * samples;
        // Coefficients are two bytes each. The decoder holds all of them, unless one scan has every component.
        let is_buffered =
            self.is_progressive || scan.first().map(|count| usize::from(*count)) != Some(components);
        let coefficients = if is_buffered { 2 * self.blocks(self.height) * 64 } else { 0 };
        let rows = 2 * ROW_BUFFERS * self.blocks(1) * 64;
        let pixels = limits::check(self.width.into(), self.height.into(), decoded + coefficients + rows)?;
        // These two bytes begin each scan, and occur in no scan's data. Occurrences elsewhere only raise the count.
        let scans = file.windows(2).filter(|pair| *pair == [0xFF, 0xDA]).count() as u64;
        if pixels * scans <= MAX_SCANNED { Ok(()) } else { Err(Unacceptable) }
    }

    /// Returns the number of blocks of all components in the first `height` lines.
    fn blocks(&self, height: u16) -> u64 {
        let most = |axis: usize| self.sampling.iter().map(|factors| factors[axis]).max().unwrap_or(1);
        let columns = u64::from(self.width).div_ceil(8 * most(0));
        let rows = u64::from(height).div_ceil(8 * most(1));
        self.sampling.iter().map(|[across, down]| columns * across * rows * down).sum()
    }
}
