//! PNG files (W3C Portable Network Graphics, third edition).

use crate::{
    limits::Unacceptable,
    source::{Bytes, Source},
};

const SIGNATURE: usize = 8;

/// Keeps the chunks that the pixels are made of, and the colour profile. Texts and frames of an animation go.
///
/// # Errors
/// [`Unacceptable`] if the chunks are not whole.
pub(crate) fn reduce(upload: &[u8]) -> Result<Source, Unacceptable> {
    let mut bytes = Bytes(upload);
    let mut source = Source { file: bytes.take(SIGNATURE)?.to_vec(), exif: None, profile: None };
    loop {
        let start = bytes.0;
        let length = usize::try_from(u32::from_be_bytes(bytes.array()?)).map_err(|_| Unacceptable)?;
        let name: [u8; 4] = bytes.array()?;
        let content = bytes.take(length)?;
        let _checksum: [u8; 4] = bytes.array()?;
        match &name {
            b"eXIf" => source.exif = source.exif.or_else(|| Some(content.to_vec())),
            b"IHDR" | b"PLTE" | b"tRNS" | b"iCCP" | b"IDAT" | b"IEND" => {
                source.file.extend_from_slice(&start[..start.len() - bytes.0.len()]);
            }
            _ => {}
        }
        if &name == b"IEND" {
            return Ok(source);
        }
    }
}
