//! Profiles of an installer, in force from end to end: files beside the settings, frames on the port, rows and frames
//! in the console.

use super::lab::{Console, Lab, Report, runtime, wait_for};
use lockyard::domain::DeviceKey;
use lockyard::ipc::wire::{Answer, Ask, FromNode};
use serde_json::{Value, json};

const MASTER: &str = "8130630001";

/// Writes a profile where the program looks for it by itself.
fn profile(lab: &Lab, name: &str, text: &str) {
    let dir = lab.data().with_file_name("home").join(".config/lockyard/profiles");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(name), text).unwrap();
}

/// A JT/T 808 frame of a seal.
fn seal(id: &str, message: &str, body: &str) -> Vec<u8> {
    let head = format!("{message}{:04x}{id}0001{body}", body.len() / 2);
    let mut plain = hex::decode(head).unwrap();
    plain.push(plain.iter().fold(0, |sum, byte| sum ^ byte));
    let mut frame = vec![0x7E];
    for byte in plain {
        match byte {
            0x7D => frame.extend([0x7D, 1]),
            0x7E => frame.extend([0x7D, 2]),
            byte => frame.push(byte),
        }
    }
    frame.push(0x7E);
    frame
}

#[test]
fn the_times_of_a_seal_are_read_in_the_zone_of_its_profile() {
    const BODY: &str = "000000000000000201819568036ef38c005c00120000251118022611";
    let lab = Lab::new();
    let file = "model = \"Seal of another maker\"\nkind = \"seal\"\nprotocol = \"jointech-seal\"\n\
                clock = \"+08:00\"\n[match]\ndevices = [\"jointech/794308010\"]\n";
    profile(&lab, "other.toml", file);
    let node = lab.serve();
    let as_of = |id: &str| lab.device(id)?["as_of"].as_str().map(str::to_owned);
    // The very frame that enrols it is read so; a seal that the profile does not name is not.
    let ids = [("000794308010", "794308010"), ("000794308011", "794308011")];
    for (wire, _) in ids {
        node.connect().send(seal(wire, "0200", BODY));
    }
    let told = wait_for("both seals", || Some([as_of(ids[0].1)?, as_of(ids[1].1)?]));
    assert_eq!(told, ["2025-11-17T18:26:11Z", "2025-11-18T02:26:11Z"]);

    // After a restart, from the registry alone.
    node.kill();
    let node = lab.serve_with(&[]);
    let later = BODY.replace("251118022611", "251118030000");
    let frame = seal(ids[0].0, "0704", &format!("000101001c{later}"));
    node.connect().send(&frame);
    wait_for("the record", || (as_of(ids[0].1)? == "2025-11-17T19:00:00Z").then_some(()));
    let ask = Ask::Explain { raw: hex::encode(seal(ids[0].0, "0200", BODY)) };
    let answer = runtime().block_on(async { Console::attach(&lab.socket()).await.ask(ask).await });
    let Answer::Explained { explanation } = answer else { panic!("{answer:?}") };
    assert!(
        explanation.fields.iter().any(|field| field.name.contains("device clock +08:00")),
        "{explanation:?}"
    );
    node.stop();
}

/// A sub-device's report with serial 18, in a frame with serial 110.
fn sub_report() -> Vec<u8> {
    let payload =
        "2c352c322c19042111353422348344113550520f0000190421113533e0172600041201681057040040000000310029";
    [format!("({MASTER},1,110,WLNET").into_bytes(), hex::decode(payload).unwrap()].concat()
}

#[test]
fn a_profile_decides_which_serial_acknowledges_against_the_settings() {
    for (file, want) in [(None, "(P69,0,18)(P69,0,110)"), (Some("wlnet_ack = \"frame\"\n"), "(P69,0,110)")] {
        let lab = Lab::new();
        if let Some(text) = file {
            profile(&lab, "jt701d.toml", text);
        }
        let config = lab.data().with_file_name("home").join(".config/lockyard/config.toml");
        std::fs::create_dir_all(config.parent().unwrap()).unwrap();
        std::fs::write(&config, "[jointech]\nwlnet_ack = \"both\"\n").unwrap();
        let node = lab.serve();
        let mut device = node.connect();
        device.ask(Report::new(MASTER).bytes(), "(P69,0,1)");
        device.send(sub_report());
        device.expect(want);
        device.hears_nothing();
        node.stop();
    }
}

const TRACKER: &str = "00001360000277";

fn sentence(code: &str, inputs: &str, count: &str) -> String {
    let (clock, day) = (chrono::Utc::now().format("%H%M%S"), chrono::Utc::now().format("%d%m%y"));
    format!(
        "${code},{TRACKER},{clock}.000,A,0846.0896,N,07552.1738,W,0.0,0.0,{day},,,A/{inputs},10000/{count},7,0,0/62792900//f65//\r\n"
    )
}

fn until_inputs(lab: &Lab, inputs: &str) -> Value {
    wait_for("the inputs", || lab.device(TRACKER).filter(|row| row["inputs"] == inputs))
}

fn texts(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap()).collect()
}

#[test]
fn inputs_outputs_and_counts_of_a_tracker_read_as_its_profile_names_them() {
    let lab = Lab::new();
    let file = "inputs = { 2 = \"door\" }\n[[calibration]]\ninput = 1\nname = \"fuel\"\nunit = \"%\"\n\
                points = [[0x100, 0.0], [0x200, 64.0]]\n";
    profile(&lab, "pt600.toml", file);
    let node = lab.serve();
    let mut device = node.connect();
    device.send(sentence("POS", "00010", "1f8"));
    let row = until_inputs(&lab, "00010");
    let lines = ["SOS not pressed", "door closed", "ignition on", "engine relay on"];
    assert_eq!(texts(&row["lines"]), lines, "{row:#}");
    assert_eq!(row["outputs"], "10000", "the string as it was sent is there, too");
    assert_eq!(texts(&row["analog"]), ["fuel 62 % (AD1 0x1f8)", "AD2 0x7", "AD3 0x0", "AD4 0x0"]);
    let fuel = json!({"input": 1, "count": 0x1f8, "name": "fuel", "value": 62.0, "unit": "%",
                      "text": "fuel 62 % (AD1 0x1f8)"});
    assert_eq!(row["analog"][0], fuel);

    let key: DeviceKey = format!("bofan/{TRACKER}").parse().unwrap();
    let said = runtime().block_on(async {
        let mut console = Console::attach(&lab.socket()).await;
        console.ask(Ask::Subscribe).await;
        let answer = console.ask(Ask::Tail { device: key }).await;
        assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
        device.send(sentence("IN2", "01010", "90"));
        loop {
            let FromNode::Tail { lines, .. } = console.message().await else { continue };
            let said: Vec<String> =
                lines.iter().flat_map(|line| &line.decoded).map(lockyard::console::tail::summary).collect();
            if let Some(said) = said.into_iter().find(|said| said.contains("door")) {
                return said;
            }
        }
    });
    assert!(said.contains("door open"), "{said}");
    let row = until_inputs(&lab, "01010");
    assert_eq!(row["lines"][1]["text"], "door open");
    assert_eq!(row["analog"][0]["text"], "fuel below range (AD1 0x90)");
    assert_eq!(row["analog"][0]["value"], Value::Null);
    node.stop();

    // Without a node, from the journal.
    let row = lab.device(TRACKER).unwrap();
    assert_eq!((&row["lines"][1]["text"], &row["inputs"]), (&json!("door open"), &json!("01010")));
}
