//! Spreading keys over the partitions of an index.

/// FNV-1a: any stable hash serves to spread keys, and this one needs no library.
pub(crate) fn hash(key: &str) -> u32 {
    key.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
