//! Makes frames of legacy trackers.

use super::Case;
use super::make_master::{decimal, gsm, no_place, one_head, packed_place};
use super::random::{Clock, Random, latitude_digits, longitude_digits};
use super::wire::unhex;

pub(crate) fn case(random: &mut Random) -> Case {
    match random.range(0, 99) {
        0..=49 => Case::new("binary", vec![binary(random, false)]),
        50..=54 => Case::new("binary, damaged", vec![one_head(random, |random| binary(random, true))]),
        55..=79 => Case::new("U", vec![u_report(random)]),
        80..=89 => Case::new("W01", vec![w01(random, false)]),
        90 | 91 => Case::new("W01, damaged", vec![w01(random, true)]),
        92 | 93 => {
            let heartbeat = format!("({},@JT)", random.digits(10)).into_bytes();
            Case::joined("heartbeat in its family", vec![binary(random, false), heartbeat])
        }
        _ => Case::new("text", vec![text(random)]),
    }
}

fn binary(random: &mut Random, damaged: bool) -> Vec<u8> {
    let records = match random.range(0, 19) {
        _ if damaged => 1,
        0 => random.size(7, 75),
        1..=6 => random.size(2, 6),
        _ => 1,
    };
    let version = if random.one_in(12) { random.range(4, 15) } else { random.range(1, 3) } as u8;
    let data_type = random.range(0, 15) as u8;
    let mut frame = vec![b'$'];
    frame.extend(unhex(&random.digits(10)));
    frame.push(version << 4 | data_type);
    frame.extend((27 * records as u16).to_be_bytes());
    let wrong_place = damaged && random.one_in(2);
    for _ in 0..records {
        let clock = if damaged && !wrong_place { Clock::impossible(random) } else { Clock::any(random) };
        frame.extend(unhex(&format!("{}{}", clock.ddmmyy, clock.hhmmss)));
        frame.extend(if wrong_place { no_place(random) } else { packed_place(random) });
        frame.push(random.byte());
        frame.push(if random.one_in(12) { random.byte() } else { random.range(0, 180) as u8 });
        let mut tail = random.bytes(10);
        if version == 1 {
            tail[9] = gsm(random);
        }
        frame.extend(tail);
    }
    frame.push(random.byte());
    frame
}

fn u_report(random: &mut Random) -> Vec<u8> {
    let word = random.pick(&["U01", "U02", "U03", "U06"]);
    let clock = Clock::any(random);
    let mut items = vec![random.digits(10), word.into()];
    if word == "U06" {
        items.push(random.range(0, 30).to_string());
    }
    let (lat, lon) = match random.range(0, 9) {
        0 => ("90.000000".into(), "180.000000".into()),
        1 => ("00.000000".into(), "000.000000".into()),
        _ => (decimal(random, 90, 6), decimal(random, 180, 6)),
    };
    items.extend([
        clock.ddmmyy,
        clock.hhmmss,
        random.pick(&["T", "F"]).into(),
        lat,
        random.pick(&["N", "S"]).into(),
        lon,
        random.pick(&["E", "W"]).into(),
        decimal(random, 200, 2),
        random.range(0, 360).to_string(),
        random.range(0, 24).to_string(),
        format!("{}%", random.range(0, 100)),
        format!("{:014b}", random.edgy(14)),
        random.range(0, 65535).to_string(),
        random.range(0, 65535).to_string(),
        gsm(random).to_string(),
        random.edgy(20).to_string(),
        random.range(0, 65535).to_string(),
    ]);
    if word == "U06" {
        items.extend([300, 100, 10].map(|n: u64| random.range(0, n).to_string()));
    } else if random.one_in(2) {
        items.push(format!("{:02X}", random.byte()));
    }
    format!("({})", items.join(",")).into_bytes()
}

fn w01(random: &mut Random, damaged: bool) -> Vec<u8> {
    let damage = if damaged { random.range(1, 2) } else { 0 };
    let clock = if damage == 1 { Clock::impossible(random) } else { Clock::any(random) };
    let (mut lat, lon) = (latitude_digits(random), longitude_digits(random));
    if damage == 2 {
        // Sixty minutes or more.
        lat = format!("22{}{}", random.range(60, 99), &lat[4..]);
    }
    let items = [
        random.digits(10),
        "W01".into(),
        format!("{}.{}", &lon[..5], &lon[5..]),
        random.pick(&["E", "W"]).into(),
        format!("{}.{}", &lat[..4], &lat[4..]),
        random.pick(&["N", "S"]).into(),
        random.pick(&["A", "V"]).into(),
        clock.ddmmyy,
        clock.hhmmss,
        random.range(0, 200).to_string(),
        random.range(0, 360).to_string(),
        random.range(0, 100).to_string(),
        random.range(0, 20).to_string(),
        gsm(random).to_string(),
        random.range(0, 9).to_string(),
        random.range(0, 99).to_string(),
        random.range(0, 99).to_string(),
    ];
    format!("({})", items.join(",")).into_bytes()
}

fn text(random: &mut Random) -> Vec<u8> {
    let id = random.digits(10);
    let text = match random.range(0, 5) {
        0 => format!("({id},U04,{},{})", random.range(0, 9), random.digits(4)),
        1 => format!("({id},U09,{},{})", random.digits(6), random.digits(6)),
        2 => format!("({id},S{:02})", random.pick(&[39, 20, 17])),
        3 => format!("({id},S09,1,{})", random.range(1, 99)),
        4 => format!("({id},2,S02,129,1,example.org,8888)"),
        _ => format!("({id},2,S24,129,1,user,{})", random.digits(6)),
    };
    text.into_bytes()
}
