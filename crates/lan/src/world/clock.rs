//! The calendar of the simulated world: virtual time zero is a fixed date, so that equal runs show equal dates.
//!
//! Servers that tell the time (NTP, `Date:` headers, daytime) all ask here. Nothing here knows the real date.

use trace::Instant;

/// Virtual time zero unless a lab says otherwise: 1 January 2025, 00:00:00 UTC, in seconds of the Unix epoch.
pub const EPOCH_UNIX_SECONDS: u64 = 1_735_689_600;

/// Tells the world's date.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Unix time at virtual time zero.
    pub(crate) epoch_unix_seconds: u64,
}

/// A moment as people write it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: u64,
    /// 1 to 12.
    pub(crate) month: u64,
    /// 1 to 31.
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
    /// 0 is Sunday.
    pub(crate) weekday: u64,
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Clock {
    /// Microseconds of Unix time at `now`.
    pub(crate) fn unix_micros(self, now: Instant) -> u64 {
        self.epoch_unix_seconds.saturating_mul(1_000_000).saturating_add(now.as_micros())
    }

    /// The date at `now`.
    pub(crate) fn civil(self, now: Instant) -> Civil {
        Civil::from_unix_seconds(self.unix_micros(now) / 1_000_000)
    }

    /// `Wed, 01 Jan 2025 00:00:00 GMT` (RFC 9110, section 5.6.7).
    pub(crate) fn http_date(self, now: Instant) -> String {
        let at = self.civil(now);
        format!(
            "{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
            at.weekday_name(),
            at.day,
            at.month_name(),
            at.year,
            at.hour,
            at.minute,
            at.second
        )
    }
}

impl Civil {
    /// The date of `seconds` of Unix time, by counting in 400-year eras that begin on 1 March, when a leap day comes last.
    fn from_unix_seconds(seconds: u64) -> Civil {
        const DAYS_FROM_YEAR_0_MARCH_TO_1970: u64 = 719_468;
        const DAYS_PER_ERA: u64 = 146_097;
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        let shifted = days + DAYS_FROM_YEAR_0_MARCH_TO_1970;
        let (era, day_of_era) = (shifted / DAYS_PER_ERA, shifted % DAYS_PER_ERA);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Civil {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            weekday: (days + 4) % 7,
        }
    }

    /// `Wed`.
    pub(crate) fn weekday_name(self) -> &'static str {
        WEEKDAYS[(self.weekday % 7) as usize]
    }

    /// `Jan`.
    pub(crate) fn month_name(self) -> &'static str {
        MONTHS[((self.month + 11) % 12) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unix_seconds: u64, expected: &str) {
        assert_eq!(Clock { epoch_unix_seconds: unix_seconds }.http_date(Instant::ZERO), expected);
    }

    #[test]
    fn dates_are_the_calendars() {
        check(0, "Thu, 01 Jan 1970 00:00:00 GMT");
        check(EPOCH_UNIX_SECONDS, "Wed, 01 Jan 2025 00:00:00 GMT");
        check(784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"); // RFC 9110, section 5.6.7
        check(951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT");
        check(1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT");
        check(4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"); // 2100 is no leap year
    }

    #[test]
    fn no_moment_is_out_of_range() {
        let clock = Clock { epoch_unix_seconds: u64::MAX };
        assert!(!clock.http_date(Instant::from_micros(u64::MAX)).is_empty());
    }
}
