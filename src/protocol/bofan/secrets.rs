//! Which parts of a line are secret. No reply was ever captured; a device that repeats what it was told would repeat
//! its password (`PWD<six digits>`) or that of its access point (`APN<name>,<user>,<password>`).

use crate::domain::secret::MASK;

/// Stands for every secret byte in a raw frame.
const STAR: u8 = b'*';

const PASSWORD: &str = "PWD";
const ACCESS_POINT: &str = "APN";

/// A frame with the secrets of every line masked, its shape kept.
pub(crate) fn masked(frame: &[u8]) -> Vec<u8> {
    let mut raw = frame.to_vec();
    mask(&mut raw);
    raw
}

fn mask(frame: &mut [u8]) {
    for at in 0..frame.len() {
        let Some([b'$' | b'#', line @ ..]) = frame.get_mut(at..) else { continue };
        let (word, rest) = line.split_at_mut(line.len().min(PASSWORD.len()));
        let hidden_from = match &*word {
            b"PWD" => 0,
            b"APN" => 2,
            _ => continue,
        };
        let mut commas = 0_usize;
        for byte in rest.iter_mut().take_while(|byte| !matches!(**byte, b'\r' | b'\n' | b'$')) {
            if *byte == b',' {
                commas = commas.saturating_add(1);
            } else if commas >= hidden_from {
                *byte = STAR;
            }
        }
    }
}

/// The word and parameters of a line that is no report, secrets masked.
pub(super) fn shown(word: &str, params: Vec<String>) -> (String, Vec<String>) {
    let masked = |param: String| if param.is_empty() { param } else { MASK.to_owned() };
    if word.starts_with(PASSWORD) {
        return (PASSWORD.to_owned(), params.into_iter().map(masked).collect());
    }
    let hidden_from = if word.starts_with(ACCESS_POINT) { 1 } else { usize::MAX };
    let hide = |(n, param): (usize, String)| if n >= hidden_from { masked(param) } else { param };
    (word.to_owned(), params.into_iter().enumerate().map(hide).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> String {
        String::from_utf8(masked(text.as_bytes())).unwrap()
    }

    #[test]
    fn passwords_are_hidden_and_nothing_else() {
        assert_eq!(hidden("$PWD471108,ok\r\n$POS,1,2"), "$PWD******,**\r\n$POS,1,2");
        assert_eq!(hidden("#PWD471108"), "#PWD******");
        assert_eq!(hidden("$APNnet.example,user,Geheim7\r\n"), "$APNnet.example,user,*******\r\n");
        assert_eq!(hidden("$POS,471108,PWD1"), "$POS,471108,PWD1");
        assert_eq!(hidden("$PW"), "$PW");
        let (word, params) = shown("PWD471108", vec!["ok".into()]);
        assert_eq!((word.as_str(), params), ("PWD", vec![MASK.to_owned()]));
        let (word, params) = shown("APNnet", vec!["user".into(), "Geheim7".into()]);
        assert_eq!((word.as_str(), params), ("APNnet", vec!["user".to_owned(), MASK.to_owned()]));
    }
}
