//! Frames for Jointech devices that are more than text. The text of all others stands in the profiles, see
//! `protocol::catalogue`.

use super::seal_frame;

/// A JT/T 808 message for a seal (2013 header, ID of up to 12 digits). Its answer carries `serial`.
///
/// `None` if the ID is no such number.
#[must_use]
pub fn jtt808(message: u16, device: &str, serial: u16, body: &[u8]) -> Option<Vec<u8>> {
    let is_number = (1..=12).contains(&device.len()) && device.bytes().all(|b| b.is_ascii_digit());
    let id = hex::decode(format!("{device:0>12}")).ok().filter(|id| id.len() == 6 && is_number)?;
    Some(seal_frame::build_numbered(message, &id, &serial.to_be_bytes(), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_told_by_a_numbered_message() {
        // 7E, 0x8201, empty body, ID, serial 7, XOR, 7E.
        assert_eq!(
            hex::encode(jtt808(0x8201, "794308010679", 7, &[]).unwrap()),
            "7e820100007943080106790007c87e"
        );
        assert_eq!(jtt808(0x8201, "1234567890123", 7, &[]), None);
        assert_eq!(jtt808(0x8201, "12a", 7, &[]), None);
    }
}
