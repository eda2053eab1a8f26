//! Legacy trackers: the short binary header (section 1.2) and the U/W texts (section 3) of the Jointech notes.

use super::expect::{any, invalid, one_of, rounded};
use super::wire::{
    MASK, When, degrees, digits, heading, number, packed_position, raw, signal, when, when_ddmmyy,
};
use serde_json::{Value, json};

const PROTOCOL: &str = "jointech-legacy";
const RECORD: usize = 27;

pub(crate) fn legacy(frame: &[u8]) -> Vec<Value> {
    if frame[0] == b'$' { binary(frame) } else { vec![text(frame)] }
}

fn binary(frame: &[u8]) -> Vec<Value> {
    let device = digits(&frame[1..6]).unwrap();
    let version = frame[6] >> 4;
    let data_type = frame[6] & 0x0f;
    let length = number(&frame[7..9]) as usize;
    assert_eq!(frame.len(), 10 + length, "a whole frame");
    let index = frame[frame.len() - 1];
    let records: Vec<&[u8]> = frame[9..frame.len() - 1].chunks(RECORD).collect();
    let said: Vec<Value> = records
        .iter()
        .filter_map(|record| {
            let time = when_ddmmyy(&record[0..6]);
            let mut position = packed_position(&record[6..15], record[15], record[16])?;
            if time == When::Senseless {
                return None;
            }
            let mut said = json!({
                "protocol": PROTOCOL, "kind": "position", "device": device, "time": time.value(),
                // The paper counts the data types at the master lock; 3 is stored data there.
                "replayed": data_type == 3, "serial": index, "version": any(), "reply": null,
                "raw": raw(frame, &[]),
            });
            tail(&mut said, &mut position, version, &record[17..]);
            said["position"] = position;
            Some(said)
        })
        .collect();
    if said.len() == records.len() { said } else { vec![invalid(PROTOCOL, json!(device), Value::Null)] }
}

/// What follows a record's place, by version. Lock states of these units are in no paper.
fn tail(said: &mut Value, position: &mut Value, version: u8, tail: &[u8]) {
    match version {
        1 => {
            position["satellites"] = json!(tail[0]);
            // Two bytes; whether a height can be negative is not written.
            let height = number(&tail[3..5]);
            position["altitude_m"] = if height < 0x8000 { json!(height) } else { any() };
            said["signal"] = signal(tail[9]);
            // "Power" without a unit.
            said["battery_pct"] = any();
            said["voltage_v"] = any();
        }
        2 => said["odometer_m"] = json!(number(&tail[5..9]) * 1000),
        // Three 12-bit fuel values, 20 bits of mileage, unit not written (kilometres in version 2), 24 status bits.
        3 => {
            let mileage = number(&tail[4..7]) & 0xf_ffff;
            said["odometer_m"] = one_of([json!(mileage * 1000), Value::Null]);
        }
        _ => {}
    }
}

fn text(frame: &[u8]) -> Value {
    let inner = String::from_utf8_lossy(&frame[1..frame.len() - 1]).into_owned();
    let items: Vec<&str> = inner.split(',').collect();
    let device = items[0];
    let mut said = json!({"protocol": PROTOCOL, "device": device, "raw": raw(frame, &[])});
    match items[1] {
        "W01" => w01(&mut said, &items),
        word @ ("U01" | "U02" | "U03" | "U06") => {
            let alarm = if word == "U06" { items[2] } else { "0" };
            u_report(&mut said, &items[if word == "U06" { 3 } else { 2 }..]);
            said["reply"] = json!(if word == "U06" { "(S20)" } else { "(S39)" });
            if word == "U06" && alarm != "0" {
                // The codes have no names.
                said["events"] = json!([{"name": "custom", "code": any()}]);
            }
        }
        // Only on a connection that already speaks this family.
        "@JT" => said["kind"] = json!("heartbeat"),
        "U04" | "U09" => said["kind"] = json!("other"),
        word => {
            // A reply: `(ID,S39,…)` or `(ID,n,S02,index,…)`.
            let at = if word.starts_with('S') { 1 } else { 2 };
            said["kind"] = json!("command_reply");
            said["command"] = json!({"word": items[at], "params": items[at + 1..]});
            if items[at] == "S24" {
                // User and password of the access point: the password is a secret, the user may be taken for one.
                let params = &mut said["command"]["params"];
                params[2] = one_of([params[2].clone(), json!(MASK)]);
                params[3] = json!(MASK);
                said["raw"] = any();
            }
        }
    }
    said
}

/// `W01,lon,E/W,lat,N/S,A/V,DDMMYY,hhmmss,speed,course,power,gps,gsm,alert,…`
fn w01(said: &mut Value, items: &[&str]) {
    let place = degrees(items[4]).zip(degrees(items[2])).filter(|(lat, lon)| *lat <= 90.0 && *lon <= 180.0);
    let date = items[7];
    let time = when(&date[0..2], &date[2..4], &date[4..6], items[8]);
    said["kind"] = json!("position");
    said["time"] = time.value();
    said["position"] = json!(place.map(|(lat, lon)| json!({
        "lat": rounded(if items[5] == "S" { -lat } else { lat }, 6),
        "lon": rounded(if items[3] == "W" { -lon } else { lon }, 6),
        "fix": items[6] == "A",
        "speed_kmh": rounded(items[9].parse().unwrap(), 1),
        "heading_deg": heading(items[10].parse().unwrap()),
        // "gps" is a count of satellites or a quality: not written.
        "satellites": one_of([json!(items[12].parse::<u8>().unwrap()), Value::Null]),
    })));
    // "power" has no unit either.
    said["battery_pct"] = one_of([json!(items[11].parse::<u8>().unwrap()), Value::Null]);
    said["signal"] = signal(items[13].parse().unwrap());
    // The alert codes are in no paper.
    said["may"] = json!([any()]);
    if place.is_none() || time == When::Senseless {
        // No such place or moment: left out, or the whole is refused.
        *said = json!({"$or": [said, invalid(PROTOCOL, json!(items[0]), Value::Null)]});
    }
}

/// `DDMMYY,hhmmss,T/F,lat,N/S,lon,E/W,speed,course,sats,batt%,status,cell,lac,gsm,odometer km,serial[,checksum]`
fn u_report(said: &mut Value, items: &[&str]) {
    let time = when(&items[0][0..2], &items[0][2..4], &items[0][4..6], items[1]);
    let lat: f64 = items[3].parse().unwrap();
    let lon: f64 = items[5].parse().unwrap();
    said["kind"] = json!("position");
    said["time"] = time.value();
    said["position"] = json!({
        "lat": rounded(if items[4] == "S" { -lat } else { lat }, 6),
        "lon": rounded(if items[6] == "W" { -lon } else { lon }, 6),
        "fix": items[2] == "T",
        "speed_kmh": rounded(items[7].parse().unwrap(), 1),
        "heading_deg": heading(items[8].parse().unwrap()),
        "satellites": items[9].parse::<u8>().unwrap(),
    });
    said["battery_pct"] = json!(items[10].trim_end_matches('%').parse::<u8>().unwrap());
    said["signal"] = signal(items[14].parse().unwrap());
    said["odometer_m"] = json!(items[15].parse::<u64>().unwrap() * 1000);
    said["serial"] = json!(items[16].parse::<u32>().unwrap());
}
