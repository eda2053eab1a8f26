//! A few motorways and ports around Rotterdam, coarse but drivable.

use super::world::{Route, Waypoint};
use std::{sync::Arc, time::Duration};

const MAASVLAKTE_TO_GORINCHEM: &[Waypoint] = &[
    (51.9560, 4.0270, true),
    (51.9440, 4.0790, false),
    (51.9330, 4.1370, true),
    (51.9110, 4.1960, false),
    (51.8960, 4.2420, true),
    (51.8830, 4.2880, false),
    (51.8790, 4.3380, true),
    (51.8660, 4.3980, false),
    (51.8640, 4.4490, true),
    (51.8650, 4.5180, false),
    (51.8590, 4.5860, true),
    (51.8370, 4.6560, false),
    (51.8270, 4.7480, true),
    (51.8280, 4.8490, false),
    (51.8390, 4.9560, true),
];

const RIDDERKERK_TO_BREDA: &[Waypoint] = &[
    (51.8600, 4.5830, true),
    (51.8260, 4.6270, false),
    (51.8010, 4.6330, true),
    (51.7690, 4.6230, false),
    (51.7390, 4.6260, true),
    (51.7130, 4.6350, false),
    (51.6890, 4.6430, true),
    (51.6450, 4.6950, false),
    (51.6060, 4.7290, true),
];

const MAASSLUIS_TO_GOUDA: &[Waypoint] = &[
    (51.9290, 4.2400, true),
    (51.9360, 4.3020, true),
    (51.9300, 4.3670, false),
    (51.9330, 4.4020, true),
    (51.9410, 4.4600, false),
    (51.9420, 4.4980, true),
    (51.9560, 4.5540, true),
    (51.9810, 4.6220, false),
    (52.0080, 4.6830, true),
];

const TOWN: &[Waypoint] = &[
    (51.9170, 4.4760, true),
    (51.9210, 4.4820, false),
    (51.9240, 4.4790, true),
    (51.9270, 4.4880, false),
    (51.9230, 4.4990, true),
    (51.9190, 4.5090, true),
    (51.9140, 4.5010, false),
    (51.9090, 4.5060, true),
];

/// The roads of the demo, waiting `dwell` at every stop: three motorways and one town round.
pub(super) fn routes(dwell: Duration) -> [Arc<Route>; 4] {
    [
        Arc::new(Route::new(MAASVLAKTE_TO_GORINCHEM, 80.0, dwell)),
        Arc::new(Route::new(RIDDERKERK_TO_BREDA, 82.0, dwell)),
        Arc::new(Route::new(MAASSLUIS_TO_GOUDA, 88.0, dwell)),
        Arc::new(Route::new(TOWN, 45.0, dwell)),
    ]
}
