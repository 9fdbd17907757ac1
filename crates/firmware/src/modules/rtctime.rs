//! `rtctime`: the time of day, once someone has set it (rtctime manual).
//!
//! The clock runs true, so that `rate` is kept and reported but changes nothing. Time is kept over `rtctime.dsleep` and lost
//! at any other reset, as in the firmware.

use lua::Table;
use lua::native::{Answer, Call};
use trace::{Duration, Instant};

use crate::chip::{Chip, Ending};
use crate::module::{Module, function};

const DSLEEP: &[(&str, &str)] = &[("us", "microseconds"), ("option", "what to do about the radio on waking")];

/// The module.
pub(crate) const MODULE: Module = Module {
    name: "rtctime",
    doc: "The time of day.",
    members: &[
        function(
            "get",
            "(): s, us, rate",
            get,
            "Seconds since 1970, the microseconds beyond, and the clock's correction; zeros before it was set.",
        )
        .quiet(),
        function("set", "([s], [us], [rate])", set, "Sets the clock.").parameters(&[
            ("s", "seconds since 1970"),
            ("us", "microseconds beyond"),
            ("rate", "correction in parts of 2^32"),
        ]),
        function(
            "epoch2cal",
            "(s): table",
            epoch_to_calendar,
            "A time as year, mon, day, hour, min, sec, yday, wday, in UTC.",
        )
        .parameters(&[("s", "seconds since 1970")])
        .quiet(),
        function("adjust_delta", "(us): us", adjust_delta, "A span of the system's clock in true microseconds.")
            .quiet(),
        function("dsleep", "(us, [option])", deep_sleep, "Sleeps, keeping the time, then starts afresh.")
            .parameters(DSLEEP),
        function(
            "dsleep_aligned",
            "(aligned_us, minsleep_us, [option])",
            deep_sleep_aligned,
            "Sleeps until the time is a multiple.",
        )
        .parameters(&[("aligned_us", "the multiple, in microseconds"), ("minsleep_us", "sleep at least so long")]),
    ],
    types: &[],
};

/// A clock that was set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Microseconds since 1970 at the start of the simulation; `None` before it was set.
    epoch: Option<i64>,
    rate: i64,
}

impl Clock {
    /// Microseconds since 1970.
    pub(crate) fn now(&self, now: Instant) -> Option<i64> {
        self.epoch.map(|epoch| epoch.saturating_add(now.as_micros() as i64))
    }

    /// Sets the time: microseconds since 1970.
    pub(crate) fn set(&mut self, now: Instant, time: i64) {
        self.epoch = Some(time.saturating_sub(now.as_micros() as i64));
    }
}

fn get<'gc>(chip: &Chip, mut call: Call<'gc, '_>) -> Answer<'gc> {
    let clock = chip.modules.clock.get();
    let time = clock.now(chip.now()).unwrap_or(0);
    let values = [time.div_euclid(1_000_000), time.rem_euclid(1_000_000), clock.rate];
    let values = values.map(|value| call.integer(value));
    Ok(call.many(values))
}

fn set<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let mut clock = chip.modules.clock.get();
    if !call.is_none_or_nil(1) {
        let seconds = call.check_integer(1)?;
        let micros = call.opt_integer(2, 0)?;
        clock.set(chip.now(), seconds.saturating_mul(1_000_000).saturating_add(micros));
    }
    clock.rate = call.opt_integer(3, clock.rate)?;
    chip.modules.clock.set(clock);
    Ok(call.none())
}

fn epoch_to_calendar<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let calendar = calendar(call.check_integer(1)?);
    let table = Table::new(&call.ctx());
    for (field, value) in calendar {
        table.set_field(call.ctx(), field, call.integer(value));
    }
    Ok(call.one(table))
}

/// The fields of a time in UTC. Years are counted from March, so that the leap day comes last.
fn calendar(time: i64) -> [(&'static str, i64); 8] {
    const DAYS_TO_MARCH_OF_YEAR_0: i64 = 719_468;
    const DAYS_OF_ERA: i64 = 146_097;
    let days = time.div_euclid(86_400);
    let second = time.rem_euclid(86_400);
    let shifted = days + DAYS_TO_MARCH_OF_YEAR_0;
    let era = shifted.div_euclid(DAYS_OF_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_OF_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_march_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_march_year + 2) / 153;
    let day = day_of_march_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let day_of_year = match march_month {
        0..=9 => day_of_march_year + 60 + i64::from(is_leap),
        _ => day_of_march_year - 305,
    };
    [
        ("year", year),
        ("mon", month),
        ("day", day),
        ("hour", second / 3_600),
        ("min", second / 60 % 60),
        ("sec", second % 60),
        ("yday", day_of_year),
        ("wday", (days + 4).rem_euclid(7) + 1),
    ]
}

fn adjust_delta<'gc>(_: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let span = call.check_integer(1)?;
    Ok(call.one(call.integer(span)))
}

fn deep_sleep<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let micros = call.check_integer(1)?.clamp(0, i64::from(u32::MAX));
    sleep(chip, micros as u64);
    Ok(call.none())
}

fn deep_sleep_aligned<'gc>(chip: &Chip, call: Call<'gc, '_>) -> Answer<'gc> {
    let aligned = call.check_integer(1)?.max(1);
    let least = call.check_integer(2)?.max(0);
    let Some(now) = chip.modules.clock.get().now(chip.now()) else {
        return Err(call.error("time unavailable, unable to align"));
    };
    let earliest = now.saturating_add(least);
    let wake = earliest.saturating_add((aligned - earliest.rem_euclid(aligned)) % aligned);
    sleep(chip, (wake - now).max(0) as u64);
    Ok(call.none())
}

fn sleep(chip: &Chip, micros: u64) {
    chip.flash.borrow_mut().clock_over_sleep = Some(chip.modules.clock.get());
    chip.end(Ending::Sleep { until: Some(chip.now() + Duration::from_micros(micros)) });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The dates are `date -u -d @N`'s.
    #[test]
    fn calendar_agrees_with_the_almanac() {
        let values = |time| calendar(time).map(|(_, value)| value);
        assert_eq!(values(0), [1970, 1, 1, 0, 0, 0, 1, 5]);
        assert_eq!(values(1_436_430_589), [2015, 7, 9, 8, 29, 49, 190, 5]);
        assert_eq!(values(951_782_400), [2000, 2, 29, 0, 0, 0, 60, 3]);
        assert_eq!(values(978_307_199), [2000, 12, 31, 23, 59, 59, 366, 1]);
        assert_eq!(values(1_709_251_200), [2024, 3, 1, 0, 0, 0, 61, 6]);
    }
}
