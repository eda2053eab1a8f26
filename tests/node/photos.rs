//! Photos are fetched whole through real sockets, whatever is lost on the way, and kept as files that prove it.

use super::lab::{Lab, Node, runtime, wait_for};
use lockyard::simulate::{Fault, Fleet, Pace, Tracker};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::time::Duration;

const ID: &str = "86800000000021";

fn serve(lab: &Lab, photos: &str) -> Node {
    let config = lab.file("config.toml", &format!("auto_enrol = true\n[photos]\nretry = \"1s\"\n{photos}\n"));
    lab.serve_with(&["--config", config.to_str().unwrap()])
}

fn pace() -> Pace {
    let millis = Duration::from_millis;
    Pace { report: millis(300), reconnect: (millis(50), millis(200)), ..Pace::real() }
}

fn photos(lab: &Lab) -> Vec<Value> {
    lab.list(&["photos"])
}

fn ended(lab: &Lab, count: usize) -> Vec<Value> {
    wait_for("the photos to be over", || {
        let rows = photos(lab);
        (rows.len() == count && rows.iter().all(|row| row["state"] != "offered")).then_some(rows)
    })
}

/// Takes one more photo.
async fn take(fleet: &Fleet) -> Vec<u8> {
    let device = &fleet.devices()[0];
    let before = device.state().await.picture;
    assert!(device.take_photo());
    for _ in 0..1000 {
        let picture = device.state().await.picture;
        if picture != before {
            return picture;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no picture was taken");
}

/// The file, its hash as told and as counted, and the picture itself agree.
fn assert_whole(lab: &Lab, row: &Value, picture: &[u8]) {
    assert_eq!(row["state"], "complete", "{row:#}");
    let file = row["file"].as_str().unwrap();
    assert!(file.starts_with(&format!("photos/{ID}/")) && file.ends_with("-1.jpg"), "{file}");
    let bytes = std::fs::read(lab.data().join(file)).unwrap();
    assert!(bytes == picture, "{} bytes instead of {}", bytes.len(), picture.len());
    assert_eq!(row["sha256"].as_str().unwrap(), hex::encode(Sha256::digest(picture)));
    assert_eq!(
        (row["size"].as_u64(), row["received"].as_u64()),
        (Some(picture.len() as u64), Some(picture.len() as u64))
    );
    assert_eq!(row["camera"], 1);
    assert!(row["position"]["lat"].is_number() && row["taken"].is_string(), "{row:#}");
}

fn connected(lab: &Lab) {
    wait_for("the tracker", || lab.device(ID));
}

#[test]
fn a_photo_comes_whole_through_a_line_that_breaks_and_loses_pieces() {
    let lab = Lab::new();
    let node = serve(&lab, "");
    let runtime = runtime();
    runtime.block_on(async {
        let tracker = Tracker::pt621(ID).unwrap().pictures_of(20_000).pace(pace());
        let fleet = tracker.connect(node.tcp).await;
        connected(&lab);
        let device = &fleet.devices()[0];
        assert!(device.fault(Fault::LateAnswers(Duration::from_millis(150))));
        let picture = take(&fleet).await;
        assert!(picture.len() > 14_000);
        wait_for("the offer", || photos(&lab).first().map(|row| assert_eq!(row["state"], "offered")));
        for fault in [Fault::DropMidFrame, Fault::LostPieces(1), Fault::WrongPieces(1)] {
            assert!(device.fault(fault));
        }
        let rows = ended(&lab, 1);
        assert_whole(&lab, &rows[0], &picture);
        // Another, and without trouble.
        assert!(device.fault(Fault::Heal));
        let second = take(&fleet).await;
        let rows = ended(&lab, 2);
        assert_whole(&lab, &rows[1], &second);
        fleet.stop().await;
    });
    // The pieces are not in the journal; the fact is, and it outlives the node.
    assert!(lab.journal().iter().all(|raw| !raw.windows(4).any(|part| part == b"$PHD")));
    let status: Value = serde_json::from_str(&lab.ok(&["status", "--json"])).unwrap();
    assert_eq!(status["unasked_pieces"], 1, "the wrong one");
    let before = photos(&lab);
    node.kill();
    assert_eq!(photos(&lab), before);
}

#[test]
fn a_photo_comes_over_udp() {
    let lab = Lab::new();
    let node = serve(&lab, "");
    runtime().block_on(async {
        let tracker = Tracker::pt600(ID).unwrap().pictures_of(5_000).udp().pace(pace());
        let fleet = tracker.connect(node.udp).await;
        connected(&lab);
        assert!(fleet.devices()[0].fault(Fault::LostPieces(1)));
        let picture = take(&fleet).await;
        assert_whole(&lab, &ended(&lab, 1)[0], &picture);
        fleet.stop().await;
    });
    node.stop();
}

/// Killed in the middle, the node asks again after its start: the offer is young.
#[test]
fn a_photo_is_fetched_anew_after_a_kill() {
    let lab = Lab::new();
    let node = serve(&lab, "");
    let (mut device, picture) = (node.connect(), (0..2500_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    let day = chrono::Utc::now().format("%d%m%y");
    let sentence = |code: &str| {
        format!(
            "${code},{ID},000100.000,A,0846.0896,N,07552.1738,W,0.0,10.0,{day},,,A/00010,00000/142,0,0,0/62792900//f65//\r\n"
        )
    };
    let piece = |offset: usize| {
        let part = &picture[offset..picture.len().min(offset + 960)];
        [format!("$PHD{offset},{},", part.len()).as_bytes(), part, b"\r\n"].concat()
    };
    device.ask(sentence("PHO2500-1"), "#PHD0,960\r\n");
    device.ask(piece(0), "#PHD960,960\r\n");
    node.kill();
    assert_eq!(photos(&lab)[0]["state"], "offered");

    let node = serve(&lab, "");
    let mut device = node.connect();
    device.ask(sentence("POS"), "#PHD0,960\r\n");
    for (offset, next) in [(0, "#PHD960,960\r\n"), (960, "#PHD1920,580\r\n")] {
        device.ask(piece(offset), next);
    }
    device.send(piece(1920));
    assert_whole(&lab, &ended(&lab, 1)[0], &picture);
    node.stop();
}

#[test]
fn what_does_not_come_is_incomplete_and_what_is_too_large_is_not_asked_for() {
    let lab = Lab::new();
    let node = serve(&lab, "limit = \"20 KB\"");
    let day = chrono::Utc::now().format("%d%m%y");
    let sentence = |code: &str, clock: &str| {
        format!(
            "${code},{ID},{clock}.000,A,0846.0896,N,07552.1738,W,0.0,10.0,{day},,,A/00010,00000/142,0,0,0/62792900//f65//\r\n"
        )
    };
    let mut device = node.connect();
    device.send(sentence("PHO20001-2", "000100"));
    device.send(sentence("PHO0-1", "000101"));
    device.ask(sentence("PHO2000", "000102"), "#PHD0,960\r\n");
    let piece = [&b"$PHD0,960,"[..], &[0xFF; 960], b"\r\n"].concat();
    device.ask(piece, "#PHD960,960\r\n");
    for second in 3..6 {
        // It speaks, but not of the photo.
        device.send(sentence("POS", &format!("00010{second}")));
        device.expect("#PHD960,960\r\n");
    }
    let rows = ended(&lab, 3);
    let told: Vec<_> = rows.iter().map(|row| (row["state"].as_str().unwrap(), row["why"].as_str())).collect();
    assert_eq!(
        told,
        [
            ("incomplete", Some("larger than the limit of [photos]")),
            ("none", None),
            ("incomplete", Some("the device did not send it, asked 4 times")),
        ]
    );
    let file = rows[2]["file"].as_str().unwrap();
    assert!(file.ends_with("-0.incomplete.jpg"), "{file}");
    assert_eq!(std::fs::read(lab.data().join(file)).unwrap(), [0xFF; 960]);
    assert_eq!((&rows[0]["file"], &rows[2]["received"]), (&Value::Null, &960.into()));
    node.stop();
}

/// The oldest files give way; their rows say so. A device in quarantine is not asked at all.
#[test]
fn files_stay_within_their_allowance_and_strangers_are_not_asked() {
    let lab = Lab::new();
    let node = serve(&lab, "keep = \"2 KB\"");
    let day = chrono::Utc::now().format("%d%m%y");
    let mut device = node.connect();
    for n in 1..=3 {
        let offer = format!(
            "$PHO900-1,{ID},00010{n}.000,A,0846.0896,N,07552.1738,W,0.0,10.0,{day},,,A/00010,00000/142,0,0,0/62792900//f65//\r\n"
        );
        device.ask(offer, "#PHD0,900\r\n");
        device.send([&b"$PHD0,900,"[..], &[n; 900], b"\r\n"].concat());
        ended(&lab, usize::from(n));
    }
    let states = wait_for("the oldest to go", || {
        let states: Vec<_> =
            photos(&lab).iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect();
        states.contains(&"removed".to_owned()).then_some(states)
    });
    assert_eq!(states, ["removed", "complete", "complete"]);
    let files = std::fs::read_dir(lab.data().join("photos").join(ID)).unwrap().count();
    assert_eq!(files, 2);
    node.stop();

    let node = lab.serve_with(&[]);
    let mut stranger = node.connect();
    stranger.send(format!(
        "$PHO900-1,99999,000101.000,A,0846.0896,N,07552.1738,W,0.0,10.0,{day},,,A/00010,00000/142,0,0,0/62792900//f65//\r\n"
    ));
    stranger.hears_nothing();
    node.stop();
}

#[test]
fn a_piece_from_elsewhere_than_asked_is_no_part_of_the_picture() {
    let lab = Lab::new();
    let node = serve(&lab, "");
    let mut device = node.connect();
    let clock = chrono::Utc::now().format("%H%M%S.000");
    let day = chrono::Utc::now().format("%d%m%y");
    device.send(format!(
        "$PHO20-1,{ID},{clock},A,0846.0896,N,07552.1738,W,0.0,10.0,{day},,,A/00010,00000/142,0,0,0/62792900//f65//\r\n"
    ));
    device.expect("#PHD0,20\r\n");
    let forger = node.datagrams();
    forger.send(format!("$FUS{ID},621-V1.0,A1\r\n").as_bytes()).unwrap();
    forger.send(b"$PHD0,20,FORGEDFORGEDFORGEDFO\r\n").unwrap();
    let unasked = || {
        let status: Value = serde_json::from_str(&lab.ok(&["status", "--json"])).unwrap();
        status["unasked_pieces"].as_u64().filter(|count| *count > 0)
    };
    wait_for("the forged piece to be counted", unasked);
    device.send(b"$PHD0,20,genuinegenuinegenuin\r\n");
    let row = ended(&lab, 1).remove(0);
    let bytes = std::fs::read(lab.data().join(row["file"].as_str().unwrap())).unwrap();
    assert_eq!(bytes, b"genuinegenuinegenuin");
    node.stop();
}
