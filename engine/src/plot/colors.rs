//! Colours that people with every common form of colour blindness tell apart, on white and on nearly black.

/// What lines, points and bars are drawn in, one after the other. They are Okabe's and Ito's ("Color Universal Design",
/// 2008) without black and yellow, which vanish on one of the two backgrounds, and with the light ones a little darker.
pub(super) const PALETTE: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#c4709b", "#c88a00", "#3d9ad1", "#858585"];

/// What has no value that could colour it.
pub(super) const MISSING: &str = "#858585";

/// Text and axes: as far from white as from the darkest theme.
pub(super) const TEXT: &str = "#777777";

/// Eleven points of viridis (van der Walt and Smith, 2015), from low to high.
const VIRIDIS: [[u8; 3]; 11] = [
    [0x44, 0x01, 0x54],
    [0x48, 0x24, 0x75],
    [0x41, 0x44, 0x87],
    [0x35, 0x5f, 0x8d],
    [0x2a, 0x78, 0x8e],
    [0x21, 0x91, 0x8c],
    [0x22, 0xa8, 0x84],
    [0x44, 0xbf, 0x70],
    [0x7a, 0xd1, 0x51],
    [0xbd, 0xdf, 0x26],
    [0xfd, 0xe7, 0x25],
];

/// Eleven points from blue by nearly white to red (ColorBrewer's RdBu: Brewer and Harrower, 2003).
const BLUE_RED: [[u8; 3]; 11] = [
    [0x05, 0x30, 0x61],
    [0x21, 0x66, 0xac],
    [0x43, 0x93, 0xc3],
    [0x92, 0xc5, 0xde],
    [0xd1, 0xe5, 0xf0],
    [0xf7, 0xf7, 0xf7],
    [0xfd, 0xdb, 0xc7],
    [0xf4, 0xa5, 0x82],
    [0xd6, 0x60, 0x4d],
    [0xb2, 0x18, 0x2b],
    [0x67, 0x00, 0x1f],
];

/// The colours of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shades {
    /// From dark to light.
    Sequential,
    /// Away from a middle, in two directions.
    Diverging,
}

impl Shades {
    /// The colour of a part between 0 and 1.
    pub(super) fn color(self, part: f64) -> String {
        let points = match self {
            Shades::Sequential => &VIRIDIS,
            Shades::Diverging => &BLUE_RED,
        };
        let place = part.clamp(0.0, 1.0) * (points.len() - 1) as f64;
        let below = (place.floor() as usize).min(points.len() - 2);
        let between = place - below as f64;
        let mix = |channel: usize| {
            let (low, high) = (f64::from(points[below][channel]), f64::from(points[below + 1][channel]));
            (low + (high - low) * between).round() as u8
        };
        format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, as WCAG 2 defines it.
    fn luminance(color: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn all_colours_stand_out_from_white_and_from_a_dark_theme() {
        for color in PALETTE {
            for background in ["#ffffff", "#111111"] {
                assert!(contrast(color, background) > 2.8, "{color} on {background}: {}", contrast(color, background));
            }
        }
        assert!(contrast(TEXT, "#ffffff") > 4.2 && contrast(TEXT, "#111111") > 4.2);
    }

    #[test]
    fn viridis_runs_from_violet_to_yellow() {
        let viridis = |part| Shades::Sequential.color(part);
        assert_eq!((viridis(0.0).as_str(), viridis(1.0).as_str()), ("#440154", "#fde725"));
        assert_eq!(viridis(f64::INFINITY), "#fde725");
        assert!(luminance(&viridis(0.3)) < luminance(&viridis(0.6)));
    }

    #[test]
    fn two_directions_are_as_dark_at_their_ends_and_light_in_the_middle() {
        let color = |part| Shades::Diverging.color(part);
        assert_eq!((color(0.0).as_str(), color(0.5).as_str(), color(1.0).as_str()), ("#053061", "#f7f7f7", "#67001f"));
        assert!(contrast(&color(0.0), &color(1.0)) < 1.3);
    }
}
