//! WebP files (RFC 9649).

use crate::{
    limits::{self, MAX_MEMORY, Unacceptable},
    lossless,
    source::{Bytes, Source},
};

/// Bytes a pixel that decoding takes: colours and alpha, twice, and the transforms' own small pictures.
const LOSSLESS: u64 = 9;
/// Planes of brightness and colour, and the pixels that are made of them.
const LOSSY: u64 = 5;
/// The same with alpha, and the alpha plane, as it is decoded and as it is used.
const LOSSY_WITH_ALPHA: u64 = 11;
/// In the first byte of `VP8X`: there is an alpha plane.
const HAS_ALPHA: u8 = 0x10;

/// The chunks that one picture is made of.
#[derive(Default)]
struct Chunks<'a> {
    lossy: Option<&'a [u8]>,
    lossless: Option<&'a [u8]>,
    alpha: Option<&'a [u8]>,
    exif: Option<&'a [u8]>,
    profile: Option<&'a [u8]>,
    first_frame: Option<&'a [u8]>,
}

/// Keeps the picture, or the first frame of an animation, as a file of its own.
///
/// # Errors
/// [`Unacceptable`] if the file is not a WebP, or exceeds the limits.
pub(crate) fn reduce(upload: &[u8]) -> Result<Source, Unacceptable> {
    let mut bytes = Bytes(upload);
    let _: &[u8] = bytes.take(12)?;
    let outer = Chunks::read(bytes.0)?;
    let frame = match outer.first_frame {
        // Offset, size and duration come before the chunks of a frame.
        Some(frame) => Chunks::read(frame.get(16..).ok_or(Unacceptable)?)?,
        None => Chunks { ..outer },
    };
    let file = frame.file()?;
    Ok(Source { file, exif: outer.exif.map(<[u8]>::to_vec), profile: outer.profile.map(<[u8]>::to_vec) })
}

impl<'a> Chunks<'a> {
    /// Reads a sequence of chunks. If a kind occurs several times, the first one counts.
    fn read(chunks: &'a [u8]) -> Result<Self, Unacceptable> {
        let (mut bytes, mut read, mut has_alpha) = (Bytes(chunks), Self::default(), true);
        while bytes.0.len() >= 8 {
            let name: [u8; 4] = bytes.array()?;
            let length = usize::try_from(u32::from_le_bytes(bytes.array()?)).map_err(|_| Unacceptable)?;
            let content = bytes.take(length)?;
            // A byte follows a chunk of odd length, and may be missing at the end.
            let _ = bytes.take(length % 2);
            let kept = match &name {
                b"VP8 " => &mut read.lossy,
                b"VP8L" => &mut read.lossless,
                b"ALPH" => &mut read.alpha,
                b"EXIF" => &mut read.exif,
                b"ICCP" => &mut read.profile,
                b"ANMF" => &mut read.first_frame,
                b"VP8X" => {
                    has_alpha = content.first().is_some_and(|flags| flags & HAS_ALPHA != 0);
                    continue;
                }
                _ => continue,
            };
            *kept = kept.or(Some(content));
        }
        read.alpha = read.alpha.filter(|_| has_alpha);
        Ok(read)
    }

    /// Returns a file of the picture alone.
    fn file(&self) -> Result<Vec<u8>, Unacceptable> {
        let mut chunks = Vec::new();
        if let Some(lossless) = self.lossless {
            let (width, height, data) = lossless_size(lossless)?;
            check_lossless(width, height, data, LOSSLESS)?;
            push(&mut chunks, *b"VP8L", lossless);
        } else {
            let lossy = self.lossy.ok_or(Unacceptable)?;
            let (width, height) = lossy_size(lossy)?;
            if let Some(alpha) = self.alpha {
                check_alpha(width, height, alpha)?;
                let [across, down] = [width - 1, height - 1].map(u32::to_le_bytes);
                let header = [&[HAS_ALPHA, 0, 0, 0], &across[..3], &down[..3]].concat();
                push(&mut chunks, *b"VP8X", &header);
                push(&mut chunks, *b"ALPH", alpha);
            } else {
                limits::check(width, height, u64::from(width) * u64::from(height) * LOSSY)?;
            }
            push(&mut chunks, *b"VP8 ", lossy);
        }
        let mut file = Vec::with_capacity(chunks.len() + 12);
        push(&mut file, *b"RIFF", &[b"WEBP", chunks.as_slice()].concat());
        Ok(file)
    }
}

/// Reads width and height of a key frame of VP8 (RFC 6386, section 9.1).
fn lossy_size(frame: &[u8]) -> Result<(u32, u32), Unacceptable> {
    let mut bytes = Bytes(frame);
    let [kind, _, _, start @ ..] = bytes.array::<6>()?;
    if kind & 1 != 0 || start != [0x9D, 0x01, 0x2A] {
        return Err(Unacceptable);
    }
    let mut next = || bytes.array().map(|side| u32::from(u16::from_le_bytes(side) & 0x3FFF));
    let size = (next()?, next()?);
    if size.0 == 0 || size.1 == 0 { Err(Unacceptable) } else { Ok(size) }
}

/// Checks lossless data, which takes so many bytes a pixel beside its tables.
fn check_lossless(width: u32, height: u32, data: &[u8], each: u64) -> Result<(), Unacceptable> {
    let pixels = limits::check(width, height, u64::from(width) * u64::from(height) * each)?;
    lossless::tables(data, width, height, MAX_MEMORY - pixels * each).map(drop)
}

/// Checks an alpha plane, whose first byte says whether it is compressed.
fn check_alpha(width: u32, height: u32, alpha: &[u8]) -> Result<(), Unacceptable> {
    let (head, data) = alpha.split_first().ok_or(Unacceptable)?;
    if head & 3 == 1 {
        check_lossless(width, height, data, LOSSY_WITH_ALPHA)
    } else {
        limits::check(width, height, u64::from(width) * u64::from(height) * LOSSY_WITH_ALPHA).map(drop)
    }
}

/// Reads width and height of a lossless picture (RFC 9649, section 3.4). Returns the data after them, too.
fn lossless_size(picture: &[u8]) -> Result<(u32, u32, &[u8]), Unacceptable> {
    let mut bytes = Bytes(picture);
    if bytes.byte()? != 0x2F {
        return Err(Unacceptable);
    }
    let header = u32::from_le_bytes(bytes.array()?);
    Ok(((header & 0x3FFF) + 1, (header >> 14 & 0x3FFF) + 1, bytes.0))
}

fn push(file: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    file.extend_from_slice(&name);
    file.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
    file.extend_from_slice(content);
    file.extend_from_slice(if content.len() % 2 == 1 { &[0] } else { &[] });
}
