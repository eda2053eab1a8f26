//! Where things stand, from the size of the terminal and the view alone. Update and view share it, so that scrolling
//! and drawing agree.

use super::model::{Model, View};
use crate::fleet::snapshot::AssetRow;
use ratatui::layout::Rect;

/// Photos shown of an asset; `list photos` has more.
pub const PHOTOS: usize = 5;
/// Below this nothing but one line is drawn.
pub const LEAST: (u16, u16) = (40, 10);
/// From this width details stand beside the list, else below it.
const BESIDE: u16 = 150;
/// Rows of the details below a list, rule included: at least, and at most.
const BELOW: u16 = 8;
const MOST_BELOW: u16 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Areas {
    pub header: Rect,
    /// Disconnected, store error, disk: only when there is something to say.
    pub banner: Rect,
    /// Name of the view, "n of m", filter, order.
    pub title: Rect,
    /// Column heads and rows.
    pub list: Rect,
    /// Details of the selected row; empty when there is no room.
    pub detail: Rect,
    pub status: Rect,
    pub footer: Rect,
}

impl Areas {
    /// Everything between title and status line.
    #[must_use]
    pub fn body(&self) -> Rect {
        if self.detail.is_empty() { self.list } else { self.list.union(self.detail) }
    }

    /// Rows of a list, without its column heads.
    #[must_use]
    pub fn rows(&self) -> usize {
        usize::from(self.list.height.saturating_sub(1))
    }
}

/// Whether the terminal is too small to draw on.
#[must_use]
pub fn too_small(size: (u16, u16)) -> bool {
    size.0 < LEAST.0 || size.1 < LEAST.1
}

/// The areas of a model's screen.
#[must_use]
pub fn areas(model: &Model) -> Areas {
    let (width, height) = model.size;
    let line = |y: u16, rows: u16| Rect::new(0, y, width, rows);
    let banners = u16::try_from(model.banners().len()).unwrap_or(1).min(2);
    let mut areas = Areas {
        header: line(0, 2),
        banner: line(2, banners),
        title: line(2 + banners, 1),
        status: line(height.saturating_sub(2), 1),
        footer: line(height.saturating_sub(1), 1),
        ..Areas::default()
    };
    let top = 3 + banners;
    let body = Rect::new(0, top, width, height.saturating_sub(top + 2));
    if model.zoom && model.view().has_details() {
        areas.detail = body;
        return areas;
    }
    let (list, detail) = split(model.view(), body, wanted_rows(model));
    areas.list = list;
    areas.detail = detail;
    areas
}

/// Rows the list would fill, headings included.
fn wanted_rows(model: &Model) -> u16 {
    let headings = match model.view() {
        View::Asset => 6 + model.current_asset().map_or(0, |row| photo_rows(model, row)),
        View::Quarantine => 3,
        _ => 2,
    };
    u16::try_from(model.list().order.len() + headings).unwrap_or(u16::MAX)
}

/// Rows of the photos of an asset, heading included; none where there are none.
fn photo_rows(model: &Model, row: &AssetRow) -> usize {
    match model.shown().photos_of(row, PHOTOS).len() {
        0 => 0,
        photos => photos + 1,
    }
}

fn split(view: View, body: Rect, wanted: u16) -> (Rect, Rect) {
    let whole = (body, Rect::default());
    if !view.has_details() {
        return whole;
    }
    // The columns of devices need the width of most screens.
    let beside = if matches!(view, View::Fleet | View::Asset) { BESIDE + 20 } else { BESIDE };
    if body.width >= beside {
        let wide = (body.width * 2 / 5).clamp(44, 70);
        let list = Rect { width: body.width - wide, ..body };
        return (list, Rect { x: list.right(), width: wide, ..body });
    }
    let least = if view == View::Fleet { 5 } else { BELOW };
    if body.height < least + 6 {
        return whole;
    }
    // What a short list leaves free goes to the details.
    let below = body.height.saturating_sub(wanted).clamp(least, MOST_BELOW);
    let list = Rect { height: body.height - below, ..body };
    (list, Rect { y: list.bottom(), height: below, ..body })
}
