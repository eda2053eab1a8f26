//! The fields of a sentence: where each stands and what it is. The decoder and the explanation read by this one table,
//! and a delta numbers its fields by it.

/// What a field is. Sources: the layout in the vendor's words (public issue), captures, and inference; see
/// [`super::explain`] for how sure each is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Code,
    Id,
    Time,
    Fix,
    Latitude,
    NorthSouth,
    Longitude,
    EastWest,
    Speed,
    Course,
    Date,
    /// Magnetic variation and its side, as in RMC; never filled in any capture.
    Variation,
    VariationSide,
    Mode,
    /// More fields in the head than are known.
    ExtraHead,
    Inputs,
    Outputs,
    /// More beside the inputs and outputs.
    ExtraLines,
    Adc,
    Odometer,
    Driver,
    State,
    Spec,
    /// More groups than are known.
    ExtraGroup,
}

const HEAD: [What; 14] = [
    What::Code,
    What::Id,
    What::Time,
    What::Fix,
    What::Latitude,
    What::NorthSouth,
    What::Longitude,
    What::EastWest,
    What::Speed,
    What::Course,
    What::Date,
    What::Variation,
    What::VariationSide,
    What::Mode,
];

impl What {
    /// The field with this number, of those before the first `/`.
    pub(super) fn of_head(number: usize) -> Option<Self> {
        HEAD.get(number).copied()
    }
}

/// One field. Its place in the list of all is its number in deltas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot<'a> {
    pub(super) what: What,
    /// Where its text begins in the sentence.
    pub(super) at: usize,
    pub(super) text: &'a str,
}

/// A sentence taken apart: split on `,` and `/`, the groups named in their order.
#[derive(Debug)]
pub(super) struct Slots<'a> {
    sentence: &'a str,
    slots: Vec<Slot<'a>>,
}

impl<'a> Slots<'a> {
    /// `sentence` is without its end; its `$` is no part of the code.
    pub(super) fn of(sentence: &'a str) -> Self {
        let mut slots = Vec::new();
        let mut at = 0_usize;
        for (group, text) in sentence.split('/').enumerate() {
            for (item, text) in text.split(',').enumerate() {
                let dollar = usize::from(group == 0 && item == 0 && text.starts_with('$'));
                let what = what(group, item);
                let (from, text) = (at.saturating_add(dollar), text.get(dollar..).unwrap_or_default());
                slots.push(Slot { what, at: from, text });
                at = from.saturating_add(text.len()).saturating_add(1);
            }
        }
        Self { sentence, slots }
    }

    pub(super) fn all(&self) -> &[Slot<'a>] {
        &self.slots
    }

    /// The text of a field; of one that has several items (the analogue inputs, the groups whose commas are their
    /// own) all of them. Empty without it.
    pub(super) fn text(&self, what: What) -> &'a str {
        let of = |slot: &&Slot<'_>| slot.what == what;
        let (Some(first), Some(last)) = (self.slots.iter().find(of), self.slots.iter().rfind(of)) else {
            return "";
        };
        self.sentence.get(first.at..last.at.saturating_add(last.text.len())).unwrap_or_default()
    }

    /// Fields before the first `/`.
    pub(super) fn head(&self) -> usize {
        self.sentence.split('/').next().map_or(0, |head| head.split(',').count())
    }
}

fn what(group: usize, item: usize) -> What {
    match (group, item) {
        (0, n) => What::of_head(n).unwrap_or(What::ExtraHead),
        (1, 0) => What::Inputs,
        (1, 1) => What::Outputs,
        (1, _) => What::ExtraLines,
        (2, _) => What::Adc,
        (3, _) => What::Odometer,
        (4, _) => What::Driver,
        (5, _) => What::State,
        (6, _) => What::Spec,
        _ => What::ExtraGroup,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name_and_numbered_as_deltas_number_them() {
        let text = "$POS,1151000,205326.000,A,0901.3037,N,07928.2751,W,48.79,30.55,170814,,,A/00010,10000/0,0,0,1f/15986500//fb8/";
        let slots = Slots::of(text);
        let number = |what| slots.all().iter().position(|slot| slot.what == what).unwrap();
        assert_eq!((number(What::Time), number(What::Course), number(What::Date)), (2, 9, 10));
        // Numbers 20 and 22 of a captured delta.
        assert_eq!((number(What::Odometer), number(What::State)), (20, 22));
        assert_eq!(slots.text(What::Code), "POS");
        assert_eq!(slots.text(What::Adc), "0,0,0,1f");
        assert_eq!(slots.text(What::State), "fb8");
        assert_eq!(slots.text(What::ExtraHead), "");
        assert_eq!(slots.head(), 14);
        for slot in slots.all() {
            assert_eq!(&text[slot.at..slot.at + slot.text.len()], slot.text);
        }
    }

    #[test]
    fn groups_keep_their_commas_and_what_is_too_much_has_a_name() {
        let slots = Slots::of("$A,1,2,3,4,5,6,7,8,9,10,11,12,13,x,y/1,0,z/0/0/a,b/fff/1,2/q/r,s");
        let text = |what| slots.text(what);
        assert_eq!((text(What::ExtraHead), text(What::ExtraLines)), ("x,y", "z"));
        assert_eq!((text(What::Driver), text(What::Spec)), ("a,b", "1,2"));
        assert_eq!(text(What::ExtraGroup), "q/r,s");
    }
}
