//! Makes flights up.
//!
//! Routes, hours, weekdays, seasons and the spread of the delays follow the real table. Only additions, multiplications
//! and table look-ups are used on random numbers, and no logarithms or the like, whose last digit differs between
//! machines: the same seed gives the same bytes everywhere.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::store::{Entry, MonthWriter, month_file};
use crate::{COLUMNS, PrepError};

const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Weights of the days of the week, Monday first: fewer fly at the weekend.
const WEEKDAYS: [f64; 7] = [975.0, 951.0, 963.0, 966.0, 967.0, 745.0, 891.0];

/// Scheduled departures by hour; nothing leaves before 5.
const HOURS: [f64; 24] = [
    0.0, 0.0, 0.0, 0.0, 0.0, 1953.0, 25951.0, 22821.0, 27242.0, 20312.0, 16708.0, 16033.0, 18181.0, 19956.0, 21706.0,
    23888.0, 23002.0, 24426.0, 21783.0, 21441.0, 16739.0, 10933.0, 2639.0, 1061.0,
];

/// Mean departure delay by hour, in minutes: delays add up over a day.
const HOUR_DELAY: [f64; 24] = [
    0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 1.6, 1.9, 4.1, 4.6, 6.5, 7.2, 8.6, 11.4, 13.8, 16.9, 18.8, 21.1, 21.1, 24.8, 24.3,
    24.2, 18.8, 14.0,
];

/// Mean departure delay by month, in minutes.
const MONTH_DELAY: [f64; 12] = [10.0, 10.8, 13.2, 13.9, 13.0, 20.8, 21.7, 12.6, 6.7, 6.2, 5.4, 16.6];

/// Flights cancelled by month, of a thousand.
const CANCELLED: [f64; 12] = [19.0, 51.0, 30.0, 24.0, 20.0, 36.0, 32.0, 17.0, 16.0, 8.0, 9.0, 36.0];

/// Time in the air by month, against the year's mean: headwinds are strongest in winter.
const MONTH_AIR: [f64; 12] = [1.03, 1.02, 1.01, 1.01, 0.98, 0.98, 0.98, 0.98, 0.97, 0.99, 1.01, 1.04];

/// Departure delays: the share of flights below, and the minutes.
const DELAY: [(f64, f64); 19] = [
    (0.0, -25.0),
    (0.001, -16.0),
    (0.01, -12.0),
    (0.05, -9.0),
    (0.1, -7.0),
    (0.2, -6.0),
    (0.3, -4.0),
    (0.4, -3.0),
    (0.5, -2.0),
    (0.6, 0.0),
    (0.7, 6.0),
    (0.75, 11.0),
    (0.8, 18.0),
    (0.85, 30.0),
    (0.9, 49.0),
    (0.95, 88.0),
    (0.99, 191.0),
    (0.999, 340.0),
    (1.0, 750.0),
];

/// Minutes on the ground between gate and air at both ends together.
const TAXI: [(f64, f64); 7] =
    [(0.0, 10.0), (0.05, 16.0), (0.25, 21.0), (0.5, 27.0), (0.75, 35.0), (0.95, 49.0), (1.0, 75.0)];

/// What airlines add to the time in the air to have a schedule.
const BLOCK: f64 = 34.0;

const LONGEST_DELAY: f64 = 1300.0;

/// A line of `routes.csv`: what flew where, counted from the real table.
struct Route {
    origin: &'static str,
    carrier: &'static str,
    dest: &'static str,
    /// Miles.
    distance: u32,
    /// Mean minutes in the air.
    air_time: f64,
    /// Hours from UTC in winter.
    utc: i32,
    summer_time: bool,
    flights: f64,
    /// The first flight number.
    number: u32,
}

/// The routes that are in the crate. The file is ours and a test reads it, so a mistake in it is a bug here.
fn routes() -> Vec<Route> {
    include_str!("routes.csv")
        .lines()
        .skip(1)
        .enumerate()
        .map(|(at, line)| {
            let field: Vec<&'static str> = line.split(',').collect();
            let number = |at: usize| field[at].parse::<i32>().expect("routes.csv holds whole numbers");
            Route {
                origin: field[0],
                carrier: field[1],
                dest: field[2],
                distance: number(3).unsigned_abs(),
                air_time: f64::from(number(4)),
                utc: number(5),
                summer_time: field[6] == "A",
                flights: f64::from(number(7)),
                number: 1 + (at as u32 * 29) % 4800,
            }
        })
        .collect()
}

/// Draws one of several things by weight.
struct Weighted(Vec<f64>);

impl Weighted {
    fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut total = 0.0;
        Self(
            weights
                .into_iter()
                .map(|weight| {
                    total += weight;
                    total
                })
                .collect(),
        )
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> usize {
        let total = self.0.last().copied().unwrap_or(0.0);
        let at = rng.random::<f64>() * total;
        self.0.partition_point(|&sum| sum <= at).min(self.0.len().saturating_sub(1))
    }
}

/// The value below which a share of all lies, straight between the points of the table.
fn quantile(table: &[(f64, f64)], share: f64) -> f64 {
    let above = table.partition_point(|&(at, _)| at <= share).clamp(1, table.len() - 1);
    let ((low, from), (high, to)) = (table[above - 1], table[above]);
    from + (to - from) * (share - low) / (high - low)
}

/// Nearly normal with mean 0 and deviation 1, at most 3.5 from the mean.
fn bell(rng: &mut ChaCha8Rng) -> f64 {
    let sum: f64 = (0..4).map(|_| rng.random::<f64>()).sum();
    (sum - 2.0) * 1.732
}

/// How much longer delays are, where their mean is `mean` instead of the year's.
/// The flights that leave early do so everywhere: they bring the mean down by 2.3 minutes, and only the rest is scaled.
fn longer(mean: f64) -> f64 {
    (mean + 2.3) / (12.64 + 2.3)
}

struct Flight {
    day: u32,
    scheduled: i32,
    delay: Option<i32>,
    arrival: Option<i32>,
    arrival_delay: Option<i32>,
    air_time: Option<i32>,
    scheduled_arrival: i32,
    route: usize,
    number: u32,
    tail: Option<u32>,
}

/// Minutes of a day as the table writes times: 9:05 is 905, and midnight is 2400.
fn clock(minutes: i32) -> i32 {
    match minutes.rem_euclid(1440) {
        0 => 2400,
        at => at / 60 * 100 + at % 60,
    }
}

/// Whether clocks showed summer time in 2013. Days are enough, as nothing leaves before 5 in the morning.
fn is_summer(month: usize, day: u32) -> bool {
    match month {
        2 => day >= 10,
        10 => day < 3,
        _ => (3..10).contains(&month),
    }
}

/// Monday is 0. The year began on a Tuesday.
fn weekday(month: usize, day: u32) -> usize {
    ((DAYS[..month].iter().sum::<u32>() + day) % 7) as usize
}

/// Writes `quotas[m]` flights for every month into `dir`.
pub(crate) fn write(dir: &Path, seed: u64, quotas: &[u64; 12]) -> Result<Vec<Entry>, PrepError> {
    let routes = routes();
    (0..12)
        .map(|month| {
            let mut file = MonthWriter::create(dir, month)?;
            write_month(&mut file, &routes, seed, month, quotas[month])
                .map_err(|error| PrepError::file("written", &dir.join(month_file(month)), error))?;
            file.finish(quotas[month])
        })
        .collect()
}

fn write_month(file: &mut MonthWriter, routes: &[Route], seed: u64, month: usize, rows: u64) -> std::io::Result<()> {
    // Each month has a stream of its own, so that how many flights one has changes no other.
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(month as u64);
    let days = Weighted::new((1..=DAYS[month]).map(|day| WEEKDAYS[weekday(month, day)]));
    let hours = Weighted::new(HOURS);
    let by_route = Weighted::new(routes.iter().map(|route| route.flights));
    let mut flights: Vec<Flight> = (0..rows)
        .map(|_| {
            let day = 1 + days.draw(&mut rng) as u32;
            let hour = hours.draw(&mut rng);
            let route = by_route.draw(&mut rng);
            flight(&mut rng, month, day, hour, route, &routes[route])
        })
        .collect();
    // As in the real table: by day, then by departure, and what never left comes last.
    flights.sort_by_key(|flight| {
        let left = flight.delay.map(|delay| clock(flight.scheduled + delay));
        (flight.day, left.is_none(), left, flight.scheduled)
    });
    writeln!(file, "{}", COLUMNS.join(","))?;
    let mut line = String::with_capacity(128);
    for flight in &flights {
        line.clear();
        // Writing to a String cannot fail.
        let _ = write_row(&mut line, month, flight, &routes[flight.route]);
        file.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn flight(rng: &mut ChaCha8Rng, month: usize, day: u32, hour: usize, at: usize, route: &Route) -> Flight {
    let minute = if rng.random::<f64>() < 0.25 {
        (rng.random::<f64>() * 60.0) as i32
    } else {
        // On the hour and on the half most of all.
        const MINUTES: [i32; 16] = [0, 0, 0, 0, 5, 10, 15, 20, 25, 30, 30, 35, 40, 45, 50, 55];
        MINUTES[(rng.random::<f64>() * 16.0) as usize]
    };
    let scheduled = hour as i32 * 60 + minute;
    let planned = route.air_time + BLOCK;
    let winter_clock = i32::from(is_summer(month, day) && !route.summer_time);
    let shift = (route.utc + 5 - winter_clock) * 60;
    let mut scheduled_arrival = scheduled + planned as i32 + shift;
    if scheduled_arrival.rem_euclid(1440) == 0 {
        // No schedule in the real table says midnight, which is not clear about the day.
        scheduled_arrival -= 1;
    }

    let cancelled = rng.random::<f64>() * 1000.0 < CANCELLED[month];
    let diverted = rng.random::<f64>() < 0.0036;
    let landed = !cancelled && (!diverted || rng.random::<f64>() < 0.6);
    // Months, hours and airports that are late together overshoot the year's mean; the first factor brings it back.
    let factor = 0.925
        * longer(MONTH_DELAY[month])
        * longer(HOUR_DELAY[hour])
        * match route.origin {
            "EWR" => longer(15.1),
            "JFK" => longer(12.1),
            _ => longer(10.3),
        };
    let delay = quantile(&DELAY, rng.random::<f64>());
    let delay = if delay > 0.0 { (delay * factor).min(LONGEST_DELAY) } else { delay };
    let delay = delay.round() as i32;
    let air_time = route.air_time * (MONTH_AIR[month] + 0.05 * bell(rng));
    let air_time = air_time.round().max(20.0) as i32;
    let detour = if diverted { 90 + (rng.random::<f64>() * 180.0) as i32 } else { 0 };
    let taxi = quantile(&TAXI, rng.random::<f64>()).round() as i32;
    let arrival = scheduled + delay + air_time + taxi + detour + shift;

    // Every aircraft of a carrier flies some of its routes; big carriers have more of them.
    let fleet = match route.carrier {
        "AA" | "DL" | "UA" | "WN" => 600.0,
        "B6" | "9E" | "EV" | "MQ" | "US" | "FL" => 240.0,
        _ => 50.0,
    };
    let tail = 100 + (rng.random::<f64>() * fleet) as u32;
    let unknown_tail = cancelled && rng.random::<f64>() < 0.3;
    Flight {
        day,
        scheduled,
        delay: (!cancelled).then_some(delay),
        arrival: landed.then_some(arrival),
        arrival_delay: (!cancelled && !diverted).then_some(arrival - scheduled_arrival),
        air_time: (!cancelled && !diverted).then_some(air_time),
        scheduled_arrival,
        route: at,
        number: route.number + hour as u32,
        tail: (!unknown_tail).then_some(tail),
    }
}

/// A value that is an empty field when there is none.
struct Field<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Field<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |value| value.fmt(f))
    }
}

fn write_row(line: &mut String, month: usize, flight: &Flight, route: &Route) -> fmt::Result {
    let &Flight { day, scheduled, delay, .. } = flight;
    write!(
        line,
        "2013,{},{day},{},{},{},{},{},{},{},{},",
        month + 1,
        Field(delay.map(|delay| clock(scheduled + delay))),
        clock(scheduled),
        Field(delay),
        Field(flight.arrival.map(clock)),
        clock(flight.scheduled_arrival),
        Field(flight.arrival_delay),
        route.carrier,
        flight.number,
    )?;
    // The two letters at the end of a registration; those of some carriers begin with a digit, which none has there.
    let letters = match route.carrier {
        "9E" => "XJ",
        "B6" => "JB",
        "F9" => "FR",
        other => other,
    };
    match flight.tail {
        Some(tail) => write!(line, "N{tail}{letters},")?,
        None => line.push(','),
    }
    let (hour, minute) = (scheduled / 60, scheduled % 60);
    write!(line, "{},{},{},{},{hour},{minute},", route.origin, route.dest, Field(flight.air_time), route.distance)?;

    // The full hour of the scheduled departure, in UTC.
    let utc = hour + if is_summer(month, day) { 4 } else { 5 };
    let (mut year, mut month, mut day) = (2013, month + 1, day);
    if utc >= 24 {
        day += 1;
        if day > DAYS[month - 1] {
            (day, month) = (1, month + 1);
        }
        if month > 12 {
            (month, year) = (1, year + 1);
        }
    }
    writeln!(line, "{year}-{month:02}-{day:02}T{:02}:00:00Z", utc % 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_readable_and_every_origin_and_carrier_is_there() {
        let routes = routes();
        assert!(routes.len() > 250);
        for origin in ["EWR", "JFK", "LGA"] {
            assert!(routes.iter().any(|route| route.origin == origin), "{origin}");
        }
        let mut carriers: Vec<_> = routes.iter().map(|route| route.carrier).collect();
        carriers.sort_unstable();
        carriers.dedup();
        assert_eq!(carriers.len(), 16);
        assert!(
            routes.iter().all(|route| route.distance > 50 && route.air_time >= 20.0 && (-10..=-4).contains(&route.utc))
        );
    }

    #[test]
    fn clocks_and_calendars() {
        assert_eq!((clock(0), clock(1440), clock(545), clock(-5)), (2400, 2400, 905, 2355));
        assert_eq!(weekday(0, 1), 1, "1 January 2013 was a Tuesday");
        assert_eq!(weekday(6, 4), 3, "4 July 2013 was a Thursday");
        assert!(!is_summer(2, 9) && is_summer(2, 10) && is_summer(10, 2) && !is_summer(10, 3) && !is_summer(11, 24));
    }

    #[test]
    fn quantiles_meet_their_table() {
        assert_eq!(quantile(&DELAY, 0.0), -25.0);
        assert_eq!(quantile(&DELAY, 0.5), -2.0);
        assert_eq!(quantile(&TAXI, 0.15), 18.5);
        assert!(quantile(&DELAY, 0.999_999) < 750.0);
    }

    #[test]
    fn draws_follow_their_weights() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let weighted = Weighted::new([1.0, 0.0, 3.0]);
        let mut counts = [0; 3];
        for _ in 0..4000 {
            counts[weighted.draw(&mut rng)] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((900..1100).contains(&counts[0]), "{counts:?}");
    }

    #[test]
    fn the_last_evening_of_the_year_departs_in_the_next_by_utc() {
        let routes = routes();
        let flight = Flight {
            day: 31,
            scheduled: 22 * 60 + 15,
            delay: None,
            arrival: None,
            arrival_delay: None,
            air_time: None,
            scheduled_arrival: 23 * 60,
            route: 0,
            number: 7,
            tail: None,
        };
        let mut line = String::new();
        write_row(&mut line, 11, &flight, &routes[0]).unwrap();
        assert!(line.ends_with(",22,15,2014-01-01T03:00:00Z\n"), "{line}");
        assert!(line.starts_with("2013,12,31,,2215,,,2300,,9E,7,,EWR,CVG,,569,"), "{line}");
    }
}
