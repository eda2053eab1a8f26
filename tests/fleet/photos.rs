//! What was offered and what came of it.

use crate::scene::{Scene, at, key};
use crate::wire::TRACKER;
use lockyard::domain::journal::Body;
use lockyard::domain::photo::{PhotoEnd, PhotoNote};
use lockyard::domain::{EventSeq, PhotoId};
use lockyard::fleet::photos::Photo;
use lockyard::fleet::snapshot::{PhotoRow, PhotoState};
use lockyard::fleet::{State, Times};

fn offer(code: &str, minute: u32) -> String {
    format!(
        "${code},{TRACKER},{:02}{:02}00.000,A,0901.3037,N,07928.2751,W,0.0,30.55,201126,,,A/00000,00000/0,0,0,0/15986500//fb8/\r\n",
        minute / 60,
        minute % 60
    )
}

fn photos(scene: &Scene) -> Vec<&Photo> {
    scene.state.photos.of(&key(TRACKER)).collect()
}

fn rows(scene: &Scene) -> Vec<PhotoRow> {
    photos(scene).into_iter().map(|photo| scene.state.photo_row(photo)).collect()
}

fn end(photo: &Photo, complete: bool) -> Body {
    Body::Photo(PhotoNote::Ended(Box::new(PhotoEnd {
        device: photo.device.clone(),
        id: photo.id,
        offered: photo.offered,
        taken: photo.taken,
        camera: photo.camera,
        size: photo.size,
        received: if complete { photo.size } else { 960 },
        complete,
        sha256: Some("00".repeat(32)),
        file: Some(format!("photos/1/{}.jpg", photo.id.0.0)),
        position: photo.position,
        why: None,
    })))
}

#[test]
fn an_offer_is_pending_until_it_is_over_and_a_repeated_one_is_the_same() {
    let mut scene = Scene::new();
    scene.hear(60, offer("PHO6608-2", 1));
    scene.hear(61, offer("PHO6608-2", 1));
    scene.hear(120, offer("PHO0-1", 2));
    let all: Vec<Photo> = photos(&scene).into_iter().cloned().collect();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].size, all[0].camera, all[0].taken), (6608, Some(2), Some(at(60))));
    assert_eq!(scene.state.photos.pending(&key(TRACKER)).count(), 1, "an empty one is not fetched");
    assert_eq!(scene.state.photos.waiting().count(), 1);
    let end = end(&all[0], true);
    scene.apply(130, end);
    assert_eq!(scene.state.photos.waiting().count(), 0);
    let states: Vec<_> = rows(&scene).iter().map(|row| row.state).collect();
    assert_eq!(states, [PhotoState::Complete, PhotoState::None]);
    assert_eq!(rows(&scene)[0].asset.as_deref(), Some("CAR-1"));
    assert_eq!(rows(&scene)[0].position.as_ref().unwrap().from, TRACKER);

    let removed = PhotoNote::Removed { device: key(TRACKER), id: all[0].id };
    scene.apply(140, Body::Photo(removed));
    assert_eq!(rows(&scene)[0].state, PhotoState::Removed);
    // What is not known is no fault.
    let strange = PhotoNote::Removed { device: key(TRACKER), id: PhotoId(EventSeq(9999), 0) };
    scene.apply(150, Body::Photo(strange));
    // A checkpoint and the journal keep it all.
    let body = scene.state.checkpoint().unwrap();
    let back = State::from_checkpoint(&body, Times::default()).unwrap();
    assert!(back.photos.of(&key(TRACKER)).eq(scene.state.photos.of(&key(TRACKER))));
    let json = serde_json::to_string(&scene.entries.last().unwrap().body).unwrap();
    assert_eq!(serde_json::from_str::<Body>(&json).unwrap(), scene.entries.last().unwrap().body);
}

#[test]
fn a_frame_of_stored_records_may_hold_several_and_the_last_twenty_are_remembered() {
    let mut scene = Scene::new();
    let body: String = (0..3).map(|n| offer("PHO100-1", n)).collect();
    let [low, high] = u16::try_from(body.len() + 5).unwrap().to_le_bytes();
    scene.hear(300, [&[0xBF, 0xFB, 0xFF, low, high], body.as_bytes()].concat());
    let ids: Vec<u8> = photos(&scene).iter().map(|photo| photo.id.1).collect();
    assert_eq!(ids, [0, 1, 2]);
    for minute in 3..30 {
        scene.hear(i64::from(minute) * 60, offer("PHO100-1", minute));
    }
    let all = photos(&scene);
    assert_eq!((all.len(), all[0].taken), (20, Some(at(600))));
}

#[test]
fn what_a_rejected_source_offers_is_not_fetched() {
    use lockyard::domain::identity::IdentityDecision;
    use lockyard::domain::identity::Source;
    use lockyard::domain::journal::Transport;
    let from =
        |host: u8| Source { transport: Transport::Tcp, peer: format!("10.0.0.{host}:1").parse().unwrap() };
    let mut scene = Scene::new();
    for (second, host) in [(0, 1), (30, 2), (60, 1)] {
        scene.hear_from(second, from(host), offer("POS", u32::try_from(second / 30).unwrap()));
    }
    scene.decide(70, TRACKER, IdentityDecision::Older);
    scene.hear_from(180, from(2), offer("PHO6608-2", 3));
    assert_eq!(photos(&scene).len(), 0);
    scene.hear_from(240, from(1), offer("PHO6608-2", 4));
    assert_eq!(photos(&scene).len(), 1);
}
