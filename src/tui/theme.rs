//! Colours and weights by meaning. State is never told by colour alone: words and marks say it too.

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

/// A theme by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ThemeName {
    /// 24-bit colours on dark.
    #[default]
    Dark,
    /// 24-bit colours on light.
    Light,
    /// The terminal's own 16 colours.
    Ansi,
    /// No colour at all.
    Mono,
}

impl ThemeName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::Ansi, Self::Mono];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Ansi => "16",
            Self::Mono => "mono",
        }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        let place = Self::ALL.iter().position(|name| *name == self).unwrap_or(0);
        Self::ALL[(place + 1) % Self::ALL.len()]
    }

    /// The one that fits a terminal, by its environment: `NO_COLOR`, `COLORTERM`, `COLORFGBG`.
    #[must_use]
    pub fn fitting(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb") {
            return Self::Mono;
        }
        if !set("COLORTERM").is_some_and(|depth| matches!(depth.as_str(), "truecolor" | "24bit")) {
            return Self::Ansi;
        }
        // rxvt's convention, kept by many: foreground;background, 7 and 9 to 15 are light
        let back = set("COLORFGBG").and_then(|pair| pair.rsplit(';').next().and_then(|back| back.parse::<u8>().ok()));
        if back.is_some_and(|back| back == 7 || back > 8) { Self::Light } else { Self::Dark }
    }
}

/// Styles by meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theme {
    /// What everything lies on.
    pub base: Style,
    /// Bars and boxes.
    pub raised: Style,
    /// Of less weight.
    pub dim: Style,
    /// Lines and frames.
    pub faint: Style,
    /// Titles.
    pub title: Style,
    /// Where the keys go: the active tab, the focused frame.
    pub accent: Style,
    /// The selected row, over the row's own style.
    pub selected: Style,
    /// A marked row's mark.
    pub mark: Style,
    /// It went well.
    pub good: Style,
    /// It went wrong.
    pub bad: Style,
    /// Worth a look.
    pub warn: Style,
    /// Under way.
    pub info: Style,
    /// A key in the footer.
    pub key: Style,
    /// A hit of a search.
    pub hit: Style,
    /// A button that ends something, and its frame.
    pub danger: Style,
}

#[derive(Deserialize)]
struct File {
    colors: Colors,
}

#[derive(Deserialize)]
struct Colors {
    back: String,
    raised: String,
    selected: String,
    text: String,
    dim: String,
    faint: String,
    accent: String,
    good: String,
    bad: String,
    warn: String,
    info: String,
    hit: String,
}

impl Theme {
    /// The theme of that name.
    #[must_use]
    pub fn named(name: ThemeName) -> Self {
        let text = match name {
            ThemeName::Dark => include_str!("../../assets/themes/dark.toml"),
            ThemeName::Light => include_str!("../../assets/themes/light.toml"),
            ThemeName::Ansi => include_str!("../../assets/themes/ansi.toml"),
            ThemeName::Mono => return Self::mono(),
        };
        // the files are part of the program; a test reads them all
        toml::from_str::<File>(text)
            .map_or_else(|_| Self::mono(), |file| Self::of(&file.colors, name == ThemeName::Ansi))
    }

    fn of(colors: &Colors, ansi: bool) -> Self {
        let color = |text: &str| text.parse::<Color>().unwrap_or(Color::Reset);
        let base = Style::new().fg(color(&colors.text)).bg(color(&colors.back));
        let front = |text: &str| Style::new().fg(color(text));
        let bold = Modifier::BOLD;
        let less = |style: Style| if ansi { style.add_modifier(Modifier::DIM) } else { style };
        Self {
            base,
            raised: Style::new().bg(color(&colors.raised)),
            dim: less(front(&colors.dim)),
            faint: less(front(&colors.faint)),
            title: front(&colors.text).add_modifier(bold),
            accent: front(&colors.accent).add_modifier(bold),
            selected: if ansi {
                Style::new().add_modifier(Modifier::REVERSED)
            } else {
                Style::new().bg(color(&colors.selected)).add_modifier(bold)
            },
            mark: front(&colors.warn).add_modifier(bold),
            good: front(&colors.good),
            bad: front(&colors.bad).add_modifier(bold),
            warn: front(&colors.warn),
            info: front(&colors.info),
            key: front(&colors.accent),
            hit: if ansi {
                Style::new().fg(Color::Black).bg(color(&colors.hit))
            } else {
                Style::new().bg(color(&colors.hit)).add_modifier(bold)
            },
            danger: front(&colors.bad).add_modifier(bold),
        }
    }

    fn mono() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        Self {
            base: plain,
            raised: plain,
            dim: plain.add_modifier(Modifier::DIM),
            faint: plain.add_modifier(Modifier::DIM),
            title: bold,
            accent: bold.add_modifier(Modifier::UNDERLINED),
            selected: plain.add_modifier(Modifier::REVERSED),
            mark: bold,
            good: plain,
            bad: bold,
            warn: bold,
            info: plain,
            key: bold,
            hit: plain.add_modifier(Modifier::REVERSED).add_modifier(Modifier::UNDERLINED),
            danger: bold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_file_is_whole() {
        for text in [
            include_str!("../../assets/themes/dark.toml"),
            include_str!("../../assets/themes/light.toml"),
            include_str!("../../assets/themes/ansi.toml"),
        ] {
            let value: toml::Table = text.parse().unwrap();
            for (name, color) in value["colors"].as_table().unwrap() {
                assert!(color.as_str().unwrap().parse::<Color>().is_ok(), "{name}");
            }
            toml::from_str::<File>(text).unwrap();
        }
    }

    /// A colour's luminance, as WCAG 2.1 reckons it.
    fn luminance(color: Color) -> f64 {
        let Color::Rgb(red, green, blue) = color else { panic!("{color} is not 24-bit") };
        let part = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
    }

    fn contrast(a: Color, b: Color) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn everything_can_be_read_on_every_ground_it_stands_on() {
        for text in [include_str!("../../assets/themes/dark.toml"), include_str!("../../assets/themes/light.toml")] {
            let value: toml::Table = text.parse().unwrap();
            let color = |name: &str| value["colors"][name].as_str().unwrap().parse::<Color>().unwrap();
            for ground in ["back", "raised", "selected", "hit"] {
                for front in ["text", "dim", "accent", "good", "bad", "warn", "info"] {
                    let found = contrast(color(front), color(ground));
                    assert!(found >= 4.5, "{front} on {ground}: {found:.2}\n{text}");
                }
            }
            for ground in ["back", "raised"] {
                let found = contrast(color("faint"), color(ground));
                assert!(found >= 3.0, "faint on {ground}: {found:.2}\n{text}");
            }
        }
        // the two ends, from the standard itself
        assert!((contrast(Color::Rgb(0, 0, 0), Color::Rgb(255, 255, 255)) - 21.0).abs() < 0.01);
    }

    #[test]
    fn the_environment_tells_which_theme_fits() {
        let table: [(&[(&str, &str)], ThemeName); 6] = [
            (&[], ThemeName::Ansi),
            (&[("COLORTERM", "truecolor")], ThemeName::Dark),
            (&[("COLORTERM", "24bit"), ("COLORFGBG", "0;15")], ThemeName::Light),
            (&[("COLORTERM", "truecolor"), ("COLORFGBG", "15;0")], ThemeName::Dark),
            (&[("COLORTERM", "truecolor"), ("NO_COLOR", "1")], ThemeName::Mono),
            (&[("TERM", "dumb"), ("NO_COLOR", "")], ThemeName::Mono),
        ];
        for (set, theme) in table {
            let variable =
                |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(ThemeName::fitting(variable), theme, "{set:?}");
        }
    }
}
