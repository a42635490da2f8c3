//! CRC-32C (Castagnoli, RFC 3720 appendix B.4): what Secret Manager checks payloads with.

/// The polynomial, bit-reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The checksum of `bytes`.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let carry = crc & 1;
            (crc >> 1) ^ (POLYNOMIAL * carry)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    #[test]
    fn the_published_vectors() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        // As the real gcloud sent it for this payload.
        assert_eq!(crc32c(b"K=a\n"), 492_037_513);
    }
}
