//! Vehicles on roads. Where a vehicle is depends on time alone, so that speed, heading and mileage always fit its
//! motion, and every device on it agrees.

use std::{sync::Arc, time::Duration};

/// A point of a road: degrees, and whether vehicles stop there.
pub(super) type Waypoint = (f64, f64, bool);

const METRES_PER_DEGREE: f64 = 111_320.0;
/// Gentle enough for a loaded tanker, m/s².
const ACCELERATION: f64 = 0.8;

/// One look at a vehicle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Motion {
    pub(super) lat: f64,
    pub(super) lon: f64,
    pub(super) speed_kmh: f64,
    /// Degrees from north, 0 to below 360; at a stop the last one driven.
    pub(super) heading: f64,
    pub(super) odometer_m: u64,
    pub(super) stopped: bool,
}

/// From one stop to the next along the driven line, then the wait there.
#[derive(Debug)]
struct Leg {
    from: f64,
    length: f64,
    top_speed: f64,
    ramp: Duration,
    drive: Duration,
    /// Start of the leg within the round trip.
    start: Duration,
}

/// A road driven there and back for ever, stopping on the way.
#[derive(Debug)]
pub(super) struct Route {
    /// Points of the round trip and their distance from its start in metres.
    line: Vec<(f64, f64, f64)>,
    legs: Vec<Leg>,
    length: f64,
    round_trip: Duration,
}

impl Route {
    /// A route over at least two points, driven at up to `cruise_kmh`, waiting `dwell` at each stop. Both ends are
    /// stops.
    pub(super) fn new(points: &[Waypoint], cruise_kmh: f64, dwell: Duration) -> Self {
        let mut way: Vec<Waypoint> = points.to_vec();
        way.extend(points.iter().rev().skip(1));
        let last = way.len().saturating_sub(1);
        let middle = points.len().saturating_sub(1);
        let mut line: Vec<(f64, f64, f64)> = Vec::with_capacity(way.len());
        let mut stops = Vec::new();
        for (index, &(lat, lon, stop)) in way.iter().enumerate() {
            let along = line.last().map_or(0.0, |&(a, b, d)| d + distance((a, b), (lat, lon)));
            line.push((lat, lon, along));
            if stop || index == 0 || index == middle || index == last {
                stops.push(along);
            }
        }
        let length = line.last().map_or(0.0, |point| point.2);
        let mut start = Duration::ZERO;
        let legs: Vec<Leg> = stops
            .windows(2)
            .map(|pair| {
                let leg = Leg::new(pair[0], pair[1] - pair[0], cruise_kmh / 3.6, start);
                start += leg.drive + dwell;
                leg
            })
            .collect();
        Self { line, legs, length, round_trip: start }
    }

    fn at(&self, since: Duration) -> Motion {
        let trip = self.round_trip.as_secs_f64().max(1.0);
        let rounds = (since.as_secs_f64() / trip).floor();
        let within = Duration::from_secs_f64(since.as_secs_f64() - rounds * trip);
        let Some(leg) = self.legs.iter().rev().find(|leg| leg.start <= within) else {
            return self.place(0.0, 0.0, 0.0);
        };
        let (along, speed) = leg.at(within.saturating_sub(leg.start));
        self.place(along, speed, rounds * self.length)
    }

    fn place(&self, along: f64, speed: f64, before: f64) -> Motion {
        let next = self.line.partition_point(|point| point.2 < along).clamp(1, self.line.len().max(2) - 1);
        let (a, b) = (self.line[next - 1], self.line[next]);
        let part = if b.2 > a.2 { ((along - a.2) / (b.2 - a.2)).clamp(0.0, 1.0) } else { 0.0 };
        Motion {
            lat: a.0 + (b.0 - a.0) * part,
            lon: a.1 + (b.1 - a.1) * part,
            speed_kmh: speed * 3.6,
            heading: bearing((a.0, a.1), (b.0, b.1)),
            odometer_m: (before + along) as u64,
            stopped: speed < 0.1,
        }
    }
}

impl Leg {
    fn new(from: f64, length: f64, cruise: f64, start: Duration) -> Self {
        let top_speed = cruise.max(1.0).min((length * ACCELERATION).sqrt()).max(0.1);
        let ramp = top_speed / ACCELERATION;
        let level = (length - top_speed * ramp).max(0.0) / top_speed;
        let drive = Duration::from_secs_f64(2.0 * ramp + level);
        Self { from, length, top_speed, ramp: Duration::from_secs_f64(ramp), drive, start }
    }

    /// Metres from the start of the round trip and speed in m/s.
    fn at(&self, elapsed: Duration) -> (f64, f64) {
        let from_end = self.drive.saturating_sub(elapsed).as_secs_f64();
        let elapsed = elapsed.as_secs_f64();
        let ramp = self.ramp.as_secs_f64();
        if from_end <= 0.0 {
            (self.from + self.length, 0.0)
        } else if elapsed < ramp {
            (self.from + elapsed * elapsed * ACCELERATION / 2.0, elapsed * ACCELERATION)
        } else if from_end < ramp {
            (self.from + self.length - from_end * from_end * ACCELERATION / 2.0, from_end * ACCELERATION)
        } else {
            (self.from + self.top_speed * (elapsed - ramp / 2.0), self.top_speed)
        }
    }
}

/// One vehicle: a route and where on it the day began.
#[derive(Debug, Clone)]
pub(super) struct Vehicle {
    route: Arc<Route>,
    phase: Duration,
    /// How long it stands at its place before it drives off.
    parked: Duration,
    odometer_m: u64,
}

impl Vehicle {
    /// `phase` is a part (0 to 1) of the round trip already driven at the start.
    pub(super) fn new(route: Arc<Route>, phase: f64, odometer_m: u64) -> Self {
        let phase = route.round_trip.mul_f64(phase.clamp(0.0, 1.0));
        Self { route, phase, parked: Duration::ZERO, odometer_m }
    }

    /// One that begins its day at the start of its road, and drives off after `wait`.
    pub(super) fn parked(route: Arc<Route>, wait: Duration, odometer_m: u64) -> Self {
        Self { parked: wait, ..Self::new(route, 0.0, odometer_m) }
    }

    pub(super) fn at(&self, at: Duration) -> Motion {
        let mut motion = self.route.at(at.saturating_sub(self.parked) + self.phase);
        motion.odometer_m += self.odometer_m;
        motion
    }

    /// Another vehicle, elsewhere on the same road: the second carrier of one ID.
    pub(super) fn elsewhere(&self) -> Self {
        Self { phase: self.phase + self.route.round_trip / 4, ..self.clone() }
    }
}

fn flat(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let east = (to.1 - from.1) * METRES_PER_DEGREE * from.0.to_radians().cos();
    (east, (to.0 - from.0) * METRES_PER_DEGREE)
}

fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (east, north) = flat(from, to);
    east.hypot(north)
}

fn bearing(from: (f64, f64), to: (f64, f64)) -> f64 {
    let (east, north) = flat(from, to);
    let degrees = east.atan2(north).to_degrees().rem_euclid(360.0);
    if degrees >= 360.0 { 0.0 } else { degrees }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vehicle() -> Vehicle {
        let points = [(51.90, 4.30, true), (51.90, 4.35, false), (51.92, 4.40, true), (51.95, 4.40, false)];
        Vehicle::new(Arc::new(Route::new(&points, 80.0, Duration::from_secs(60))), 0.0, 5_000_000)
    }

    #[test]
    fn speed_mileage_and_position_fit_each_other() {
        let vehicle = vehicle();
        let mut stops = 0;
        let mut previous = vehicle.at(Duration::ZERO);
        for second in 1..2000 {
            let motion = vehicle.at(Duration::from_secs(second));
            assert!(motion.speed_kmh <= 80.1, "{motion:?}");
            let driven = (motion.odometer_m - previous.odometer_m) as f64;
            let told = (motion.speed_kmh + previous.speed_kmh) / 2.0 / 3.6;
            assert!((driven - told).abs() < 1.6, "second {second}: {driven} m driven, {told} m/s told");
            let moved = distance((previous.lat, previous.lon), (motion.lat, motion.lon));
            assert!(moved <= driven + 1.6, "second {second}: {moved} m in a line, {driven} m on the meter");
            stops += u32::from(motion.stopped && !previous.stopped);
            previous = motion;
        }
        assert!(stops >= 3, "{stops} stops");
    }

    #[test]
    fn a_parked_vehicle_drives_off_when_its_wait_is_over() {
        let points = [(51.90, 4.30, true), (51.90, 4.35, true)];
        let route = Arc::new(Route::new(&points, 80.0, Duration::from_secs(60)));
        let vehicle = Vehicle::parked(route, Duration::from_secs(240), 0);
        let early = vehicle.at(Duration::from_secs(239));
        assert!(early.stopped && early.odometer_m == 0, "{early:?}");
        let late = vehicle.at(Duration::from_secs(270));
        assert!(!late.stopped && late.odometer_m > 100, "{late:?}");
    }

    #[test]
    fn heading_follows_the_road_and_the_way_back() {
        let points = [(51.90, 4.30, true), (51.90, 4.35, true)];
        let vehicle = Vehicle::new(Arc::new(Route::new(&points, 80.0, Duration::from_secs(60))), 0.0, 0);
        assert!((vehicle.at(Duration::from_secs(30)).heading - 90.0).abs() < 0.1);
        let back = vehicle.route.legs[1].start + Duration::from_secs(30);
        assert!((vehicle.at(back).heading - 270.0).abs() < 0.1);
    }
}
