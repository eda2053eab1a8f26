//! Commands for Jointech master locks (JT701D manual V1.4). Each moves a lock or tells a secret: nothing here sends
//! or repeats anything.

use super::seal_frame;
use crate::domain::Secret;

/// A command that cannot be written as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("the password must be 1 to 16 letters and digits (ASCII); store it again with `secret`")]
    Password,
    #[error("the window must be 1 to 5 minutes, not {0}")]
    Minutes(u8),
    #[error("the WLNET serial must be 1 to 255, not 0")]
    Serial,
    #[error("a master lock's ID must be 1 to 20 decimal digits; check the registry")]
    MasterId,
    #[error("the second WLNET item must be 1 to 3 decimal digits, as the master's own frames carry it")]
    SecondItem,
    #[error("a sub-device's ID must be 10 upper-case hex digits; check the registry")]
    SubId,
}

fn password(secret: &Secret) -> Result<&str, EncodeError> {
    let text = secret.reveal();
    let fits = (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then_some(text).ok_or(EncodeError::Password)
}

fn is_number(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// `(P43,<password>)`: opens the master lock with its static password. Reply: `(ID,P43,<1 ok / 0>,<wrong count>)`.
///
/// # Errors
/// [`EncodeError::Password`].
pub fn unlock_static(secret: &Secret) -> Result<Vec<u8>, EncodeError> {
    Ok(format!("(P43,{})", password(secret)?).into_bytes())
}

/// `(P52,3,<password>)`: opens the master lock with its dynamic password. Reply: `(ID,P52,3,<1/0>,<wrong count>)`.
///
/// # Errors
/// [`EncodeError::Password`].
pub fn unlock_dynamic(secret: &Secret) -> Result<Vec<u8>, EncodeError> {
    Ok(format!("(P52,3,{})", password(secret)?).into_bytes())
}

/// `(P52,0)`: asks for the dynamic password. Reply: `(ID,P52,0,000000,<password>)`, empty when it is off.
#[must_use]
pub fn read_dynamic_password() -> Vec<u8> {
    b"(P52,0)".to_vec()
}

/// `(ID,1,<serial>,WLNET,8,1,1,<minutes>,<sub ID>)`: has the master relay an opening to one of its sub-locks, on a
/// wake that starts within `minutes`. The echo that comes back says nothing about the sub-lock.
///
/// `second_item` is what the master's own frames carry there (`Memory::wlnet_item`); `serial` must differ from the
/// one before or the device drops the command.
///
/// # Errors
/// Every other [`EncodeError`], each naming its range.
pub fn relay_unlock(
    master_id: &str,
    second_item: &str,
    serial: u8,
    minutes: u8,
    sub_id: &str,
) -> Result<Vec<u8>, EncodeError> {
    if !is_number(master_id, 20) {
        return Err(EncodeError::MasterId);
    }
    if !is_number(second_item, 3) {
        return Err(EncodeError::SecondItem);
    }
    if serial == 0 {
        return Err(EncodeError::Serial);
    }
    if !(1..=5).contains(&minutes) {
        return Err(EncodeError::Minutes(minutes));
    }
    if sub_id.len() != 10 || !sub_id.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)) {
        return Err(EncodeError::SubId);
    }
    Ok(format!("({master_id},{second_item},{serial:03},WLNET,8,1,1,{minutes},{sub_id})").into_bytes())
}

/// A JT/T 808 message for a seal (2013 header, ID of up to 12 digits). Its answer carries `serial`.
///
/// `None` if the ID is no such number.
#[must_use]
pub fn jtt808(message: u16, device: &str, serial: u16, body: &[u8]) -> Option<Vec<u8>> {
    let id =
        hex::decode(format!("{device:0>12}")).ok().filter(|id| id.len() == 6 && is_number(device, 12))?;
    Some(seal_frame::build_numbered(message, &id, &serial.to_be_bytes(), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_read_as_in_the_manual() {
        let secret = Secret::new("888888");
        assert_eq!(unlock_static(&secret).unwrap(), b"(P43,888888)");
        assert_eq!(unlock_dynamic(&secret).unwrap(), b"(P52,3,888888)");
        assert_eq!(read_dynamic_password(), b"(P52,0)");
        let relay = relay_unlock("8055430364", "1", 7, 5, "E03B60000A").unwrap();
        assert_eq!(relay, b"(8055430364,1,007,WLNET,8,1,1,5,E03B60000A)");
        assert_eq!(relay_unlock("8055430364", "23", 255, 1, "1021220618").unwrap()[12..18], *b"23,255");
    }

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

    #[test]
    fn what_cannot_be_written_is_refused_by_name() {
        for bad in ["", "12345678901234567", "12,34", "12)34", "pä55", "1 2"] {
            assert_eq!(unlock_static(&Secret::new(bad)), Err(EncodeError::Password), "{bad:?}");
            assert_eq!(unlock_dynamic(&Secret::new(bad)), Err(EncodeError::Password), "{bad:?}");
        }
        let relay = |master: &str, item: &str, serial, minutes, sub: &str| {
            relay_unlock(master, item, serial, minutes, sub).unwrap_err()
        };
        let (master, sub) = ("8055430364", "E03B60000A");
        assert_eq!(relay("80554)", "1", 1, 1, sub), EncodeError::MasterId);
        assert_eq!(relay(master, "", 1, 1, sub), EncodeError::SecondItem);
        assert_eq!(relay(master, "1,0", 1, 1, sub), EncodeError::SecondItem);
        assert_eq!(relay(master, "1", 0, 1, sub), EncodeError::Serial);
        assert_eq!(relay(master, "1", 1, 0, sub), EncodeError::Minutes(0));
        assert_eq!(relay(master, "1", 1, 6, sub), EncodeError::Minutes(6));
        assert_eq!(relay(master, "1", 1, 1, "e03b60000a"), EncodeError::SubId);
        assert_eq!(relay(master, "1", 1, 1, "E03B60000"), EncodeError::SubId);
    }

    #[test]
    fn an_error_never_shows_the_password() {
        let error = unlock_static(&Secret::new("tooLongAPassword1234")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("tooLong"));
    }
}
