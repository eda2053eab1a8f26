//! Acknowledging: one of two wins, the other is told who, and a restart forgets nothing.

use super::lab::{Console, Lab, Report, runtime, wait_for};
use lockyard::domain::AlarmId;
use lockyard::ipc::wire::{Answer, Ask};
use serde_json::Value;

fn rope_cut(lab: &Lab) -> Option<Value> {
    lab.list(&["alarms"]).into_iter().find(|row| row["kind"] == "rope_cut")
}

#[test]
fn of_two_who_acknowledge_one_wins_and_a_restart_remembers() {
    let lab = Lab::new();
    let node = lab.serve();
    let report = Report::new("8000620601").status(Report::ROPE_CUT);
    node.connect().ask(report.bytes(), "(P69,0,1)");
    let row = wait_for("the alarm", || rope_cut(&lab));
    assert_eq!(row["ack"], Value::Null);
    let alarm = AlarmId(row["id"].as_i64().unwrap());

    let ack = |note: &str| Ask::Ack { alarm, note: note.into() };
    let answers = runtime().block_on(async {
        let mut one = Console::attach(&lab.socket()).await;
        let mut two = Console::attach(&lab.socket()).await;
        tokio::join!(one.ask(ack("driver called \x1b[2J")), two.ask(ack("second")))
    });
    let me = lockyard::ipc::server::Peer::own().name;
    let (winner, loser) = match answers {
        (Answer::Done { .. }, Answer::Refused { why }) => ("driver called ·[2J", why),
        (Answer::Refused { why }, Answer::Done { .. }) => ("second", why),
        both => panic!("{both:?}"),
    };
    assert!(loser.contains(&me) && loser.contains("acknowledged"), "{loser}");
    let acked = rope_cut(&lab).unwrap();
    assert_eq!(acked["state"], "ack_active", "{acked:#}");
    assert_eq!((&acked["ack"]["by"], &acked["ack"]["note"]), (&me.into(), &winner.into()), "{acked:#}");

    // The book says the same: two tried, one of them in vain.
    let object = format!("alarm {alarm}");
    let mut acts: Vec<String> = lab.audit().into_iter().filter(|row| row.contains(&object)).collect();
    acts.sort();
    assert!(acts.contains(&format!("ack {object} refused")), "{acts:?}");

    node.kill();
    let node = lab.serve();
    assert_eq!(rope_cut(&lab).unwrap(), acked);
    let late = runtime().block_on(async { Console::attach(&lab.socket()).await.refused(ack("again")).await });
    assert!(late.contains("acknowledged"), "{late}");
    let none = Ask::Ack { alarm: AlarmId(999_999), note: String::new() };
    let none = runtime().block_on(async { Console::attach(&lab.socket()).await.refused(none).await });
    assert_eq!(none, "no such alarm");
    node.stop();
}
