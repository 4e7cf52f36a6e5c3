//! An amount of US dollars, exact to a millionth of a millionth.

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

/// Decimal places that are kept. All amounts have no more, so that sums and differences are exact, and what is split adds
/// up to the whole to its last digit.
const PLACES: u32 = 12;

/// US dollars. Printed with cents (`$1.53`); in JSON a string with all its digits, for a number would lose some.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Usd(Decimal);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);
    /// More than any price or bill; amounts beyond it are taken for mistakes.
    const MOST: i64 = 1_000_000_000;

    /// More for an hour, or a month of a GB, than anything costs: the dearest machines there are cost some hundreds.
    const DEAREST: i64 = 10_000;

    /// Whether it can be a price. Nothing, less, and more than anything costs are mistakes: what is free is not sold.
    #[must_use]
    pub fn is_price(self) -> bool {
        self.0 > Decimal::ZERO && self.0 <= Decimal::from(Self::DEAREST)
    }

    /// More than anything will ever come to: sums stop there, for beyond it they would lose their last digits.
    fn most() -> Decimal {
        Decimal::from(Self::MOST * 1000)
    }

    fn within(value: Decimal) -> Self {
        Self(value.clamp(-Self::most(), Self::most()))
    }

    fn kept(value: Decimal) -> Self {
        Self::within(value.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointNearestEven))
    }

    /// So many cents.
    #[must_use]
    pub fn cents(cents: i64) -> Self {
        Self(Decimal::new(cents, 2))
    }

    /// So many times as much: of an hourly price for so many seconds it is `price.times(seconds, 3600)`. Rounded once, half
    /// to even, at the last place kept.
    #[must_use]
    pub fn times(self, count: u64, of: u64) -> Self {
        let of = Decimal::from(of.max(1));
        // dividing last loses least; what is too large to be multiplied first is divided first
        let product = self.0.checked_mul(Decimal::from(count)).map(|product| product / of);
        Self::kept(product.or_else(|| (self.0 / of).checked_mul(Decimal::from(count))).unwrap_or(Decimal::MAX))
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The same for serde, which asks by reference.
    pub(super) fn is_nothing(&self) -> bool {
        self.0.is_zero()
    }

    /// The exact number, as text: `1.53`, `0.0004`.
    #[must_use]
    pub fn exact(self) -> String {
        self.0.normalize().to_string()
    }

    /// With cents and nothing else, as files for spreadsheets want it: `1.53`.
    #[must_use]
    pub fn with_cents(self) -> String {
        format!("{:.2}", self.0.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
    }

    /// As a price: cents at least, and as many digits more as it has, five at most: `$1.53`, `$0.0416`.
    #[must_use]
    pub fn price(self) -> String {
        let rounded = self.0.round_dp_with_strategy(5, RoundingStrategy::MidpointAwayFromZero).normalize();
        if rounded.scale() < 2 { format!("${rounded:.2}") } else { format!("${rounded}") }
    }

    /// For charts and for sorting, where the last digits do not matter.
    #[must_use]
    pub fn approximately(self) -> f64 {
        self.0.to_f64().unwrap_or(0.0)
    }

    /// How much of another amount it is, in percent, rounded down; none of nothing.
    #[must_use]
    pub fn percent_of(self, whole: Self) -> Option<u64> {
        if whole.0 <= Decimal::ZERO {
            return None;
        }
        (self.0.checked_mul(Decimal::ONE_HUNDRED)? / whole.0).floor().to_u64()
    }
}

/// As people read a bill: with cents; what is less than one is said to be so, for it is not nothing.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.with_cents();
        if text.trim_start_matches('-') == "0.00" && self.0 > Decimal::ZERO {
            return f.pad("<$0.01");
        }
        match text.strip_prefix('-') {
            Some(rest) if rest != "0.00" => f.pad(&format!("-${rest}")),
            Some(rest) => f.pad(&format!("${rest}")),
            None => f.pad(&format!("${text}")),
        }
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::within(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::within(self.0.saturating_sub(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Reads `1.53` and `$1.53`.
impl FromStr for Usd {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "`{}` is no amount of dollars: write one such as `5` or `1.50`",
                crate::domain::escape_short(text)
            )
        };
        let digits = text.trim();
        let digits = digits.strip_prefix('$').unwrap_or(digits);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-')) {
            return Err(bad());
        }
        let value = Decimal::from_str(digits).map_err(|_| bad())?;
        if value.abs() > Decimal::from(Self::MOST) {
            return Err(bad());
        }
        Ok(Self::kept(value))
    }
}

impl TryFrom<String> for Usd {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Usd> for String {
    fn from(usd: Usd) -> String {
        usd.exact()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_are_shown_with_cents_and_kept_whole() {
        for (amount, shown, price, exact) in [
            ("0", "$0.00", "$0.00", "0"),
            ("1.53", "$1.53", "$1.53", "1.53"),
            ("$2", "$2.00", "$2.00", "2"),
            ("0.0416", "$0.04", "$0.0416", "0.0416"),
            ("0.76608", "$0.77", "$0.76608", "0.76608"),
            ("0.004", "<$0.01", "$0.004", "0.004"),
            ("0.005", "$0.01", "$0.005", "0.005"),
            ("-1.5", "-$1.50", "$-1.50", "-1.5"),
        ] {
            let amount = usd(amount);
            assert_eq!((amount.to_string().as_str(), amount.exact().as_str()), (shown, exact));
            if exact != "-1.5" {
                assert_eq!(amount.price(), price);
            }
            assert_eq!(serde_json::from_str::<Usd>(&serde_json::to_string(&amount).unwrap()).unwrap(), amount);
        }
        for bad in ["", "x", "1e9", "1.2.3", "$", "10000000000", "NaN", "1_000"] {
            assert!(bad.parse::<Usd>().is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn amounts_survive_their_text(whole in -1_000_000_000_i64..=1_000_000_000, part in 0..1_000_000_000_000_i64) {
            let part = if whole.abs() == 1_000_000_000 { 0 } else { part };
            let amount = usd(&format!("{whole}.{part:012}"));
            proptest::prop_assert_eq!(usd(&amount.exact()), amount);
            let json = serde_json::to_string(&amount).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Usd>(&json).unwrap(), amount);
            proptest::prop_assert_eq!(amount + Usd::ZERO - amount, Usd::ZERO);
        }

        #[test]
        fn no_text_is_too_odd(text in "[-$.0-9 ]{0,40}|.{0,12}") {
            if let Ok(amount) = text.parse::<Usd>() {
                proptest::prop_assert_eq!(usd(&amount.exact()), amount);
            }
        }

        #[test]
        fn shares_are_within_a_last_digit(cents in 0..1_000_000_000_i64, count in 0..u64::MAX, of in 0..u64::MAX) {
            let amount = Usd::cents(cents);
            proptest::prop_assert!(amount.times(count, of) >= Usd::ZERO);
            proptest::prop_assert!(amount.times(count, of) <= amount.times(count.saturating_add(1), of));
            proptest::prop_assert_eq!(amount.times(of, of.max(1)), if of == 0 { Usd::ZERO } else { amount });
        }
    }

    #[test]
    fn what_is_too_much_stops_and_stays_exact() {
        let much = usd("999999999.999999999999").times(u64::MAX, 1);
        assert_eq!((much + much, much - much), (much, Usd::ZERO));
        assert_eq!(much - usd("0.000000000001") + usd("0.000000000001"), much);
        assert_eq!(much.exact(), "1000000000000");
    }

    #[test]
    fn parts_of_an_hour_are_exact_where_they_can_be() {
        assert_eq!(usd("1.53").times(1800, 3600), usd("0.765"));
        assert_eq!(usd("1.53").times(1, 3600), usd("0.000425"));
        assert_eq!(usd("1").times(1, 3600), usd("0.000277777778"));
        assert_eq!(usd("4").percent_of(usd("5")), Some(80));
    }
}
