/// Random numbers: as many as wanted for each row, and the same whichever thread asks.
struct Draws(u64);

impl Draws {
    fn of(seed: u64, month: usize, row: u64) -> Draws {
        let mut draws = Draws(seed ^ (month as u64) << 56 ^ row.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        draws.0 = draws.bits();
        draws
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// From 0 up to, and without, 1.
    fn part(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// A choice among things of different weights in one step: Walker's aliases.
struct Choice {
    kept: Vec<u32>,
    other: Vec<u16>,
}

impl Choice {
    fn new(weights: &[f64]) -> Choice {
        let (count, sum) = (weights.len(), weights.iter().sum::<f64>());
        let mut part: Vec<f64> = weights.iter().map(|weight| weight * count as f64 / sum).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..count).partition(|&place| part[place] < 1.0);
        let mut choice = Choice { kept: vec![u32::MAX; count], other: (0..count as u16).collect() };
        while let (Some(&from), Some(to)) = (large.last(), small.pop()) {
            choice.kept[to] = (part[to] * f64::from(u32::MAX)) as u32;
            choice.other[to] = from as u16;
            part[from] -= 1.0 - part[to];
            if part[from] < 1.0 {
                large.pop();
                small.push(from);
            }
        }
        choice
    }

    fn draw(&self, draws: &mut Draws) -> usize {
        let bits = draws.bits();
        let place = ((bits >> 32) * self.kept.len() as u64 >> 32) as usize;
        if (bits as u32) <= self.kept[place] { place } else { self.other[place].into() }
    }
}

/// A zone of the taxis.
struct Zone {
    /// `Y` and `M`: Manhattan, where only yellow taxis may pick somebody up, and the rest of it; B(rooklyn), Q(ueens), X: the Bronx,
    /// S(taten Island), A(irports of Queens), E: Newark, U(nknown), N: not in New York.
    place: u8,
    /// What people do there: h(ome), w(ork), n(ight out), v(isits), a(irports).
    kind: u8,
    longitude: f64,
    latitude: f64,
    pickups: f64,
    name: &'static str,
}

/// The zone with the number 1 comes first.
fn zones() -> Vec<Zone> {
    ZONES
        .lines()
        .map(|line| {
            let mut words = line.splitn(6, ' ');
            let mut next = || words.next().expect("six words a line");
            let (place, kind) = (next().as_bytes()[0], next().as_bytes()[0]);
            let mut number = || next().parse().expect("a number");
            let (longitude, latitude, pickups) = (number(), number(), number());
            Zone { place, kind, longitude, latitude, pickups, name: next() }
        })
        .collect()
}

impl Zone {
    fn borough(&self) -> &'static str {
        match self.place {
            b'Y' | b'M' => "Manhattan",
            b'B' => "Brooklyn",
            b'Q' | b'A' => "Queens",
            b'X' => "Bronx",
            b'S' => "Staten Island",
            b'E' => "EWR",
            b'U' => "Unknown",
            _ => "N/A",
        }
    }

    fn service(&self) -> &'static str {
        match self.place {
            b'Y' => "Yellow Zone",
            b'A' => "Airports",
            b'E' => "EWR",
            b'U' | b'N' => "N/A",
            _ => "Boro Zone",
        }
    }

    /// In miles, east and north of a place in midtown. The zones without a place of their own lie there, and north of the city.
    fn at(&self) -> (f64, f64) {
        match self.place {
            b'U' => (0.0, 0.0),
            b'N' => (-4.0, 17.0),
            _ => ((self.longitude + 73.98) * 52.4, (self.latitude - 40.755) * 69.0),
        }
    }

    fn dropoffs(&self) -> f64 {
        self.pickups
            * match self.place {
                b'M' | b'S' => 2.0,
                b'B' | b'X' => 6.0,
                b'Q' => 4.0,
                b'E' => 25.0,
                b'N' => 8.0,
                b'A' => 0.45,
                _ => 1.0,
            }
    }
}

const HOURS: usize = 24;
/// How many trips begin in each hour of a working day, and of any other.
const BUSY: [[f64; HOURS]; 2] = [
    [
        2.2, 1.4, 0.9, 0.6, 0.6, 1.0, 2.5, 4.2, 5.1, 5.0, 4.8, 4.9, 5.2, 5.2, 5.5, 5.5, 5.0, 5.8, 6.7, 6.5, 6.0, 5.9,
        5.4, 4.0,
    ],
    [
        5.4, 4.8, 3.9, 2.8, 1.8, 0.9, 1.0, 1.4, 2.2, 3.3, 4.3, 4.9, 5.3, 5.4, 5.3, 5.2, 5.1, 5.4, 5.7, 5.5, 4.9, 4.8,
        5.0, 5.2,
    ],
];
/// Miles an hour in town.
const SPEED: [f64; HOURS] = [
    17.0, 18.0, 19.0, 20.0, 20.5, 18.5, 15.0, 12.0, 10.6, 10.2, 10.1, 10.0, 9.9, 9.8, 9.7, 9.5, 9.6, 9.3, 9.9, 11.0,
    12.0, 12.6, 13.6, 15.2,
];
/// The trips of a month in a year of a hundred.
const SHARE: [f64; 12] = [9.1, 8.3, 9.3, 8.8, 9.0, 8.2, 7.5, 7.2, 7.8, 8.5, 8.1, 8.2];
/// Sundays first.
const WEEKDAY: [f64; 7] = [0.86, 0.90, 0.99, 1.04, 1.08, 1.09, 1.04];

/// The number of a day, from the first of January 1970.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 719_469
}

/// Sunday is 0.
fn weekday(day: i64) -> i64 {
    (day + 4).rem_euclid(7)
}

/// The holidays of a year on which offices are closed: some on a date, some on a Monday or a Thursday of a month.
fn holidays(year: i64) -> Vec<i64> {
    let dates =
        [(1, 1), (7, 4), (11, 11), (12, 24), (12, 25), (12, 31)].map(|(month, day)| day_number(year, month, day));
    let nth = |month: i64, weekday_wanted: i64, nth: i64| {
        let first = day_number(year, month, 1);
        first + (weekday_wanted - weekday(first)).rem_euclid(7) + 7 * (nth - 1)
    };
    let last_of_may = day_number(year, 5, 31);
    let memorial = last_of_may - (weekday(last_of_may) - 1).rem_euclid(7);
    let moving = [nth(1, 1, 3), nth(2, 1, 3), memorial, nth(9, 1, 1), nth(10, 1, 2), nth(11, 4, 4), nth(11, 4, 4) + 1];
    dates.into_iter().chain(moving).collect()
}

/// The trips of a month, and when they begin.
struct Month {
    month: usize,
    first_day: i64,
    /// For each hour of the month the trips that began before it; at the end, all.
    before: Vec<u64>,
    /// Whether offices are open, for each day.
    working: Vec<bool>,
}

/// Shares a number out by weights, without losing any.
fn shared(total: u64, weights: &[f64]) -> Vec<u64> {
    let sum: f64 = weights.iter().sum();
    let mut so_far = 0.0;
    let mut before = vec![0];
    for weight in weights {
        so_far += weight;
        before.push(((so_far / sum) * total as f64).round() as u64);
    }
    before
}

impl Month {
    fn new(month: usize, trips: u64) -> Month {
        let first_day = day_number(YEAR, month as i64 + 1, 1);
        let next = if month == 11 { day_number(YEAR + 1, 1, 1) } else { day_number(YEAR, month as i64 + 2, 1) };
        let holidays = holidays(YEAR);
        let mut weights = Vec::new();
        let mut working = Vec::new();
        for day in first_day..next {
            let free = holidays.contains(&day);
            let mut weather = Draws::of(SEED ^ 0x5eed, month, day as u64);
            let mut share = WEEKDAY[weekday(day) as usize] * (0.94 + 0.12 * weather.part());
            if free {
                share *= 0.7;
            } else if matches!(month, 0 | 1 | 11) && weather.once_in(25) {
                share *= 0.55; // snow
            }
            let works = !free && (1..=5).contains(&weekday(day));
            let eve = matches!(weekday(day), 0 | 6) || free;
            // Nights belong to the day before: what counts is whether that was a Friday or a Saturday.
            for hour in 0..HOURS {
                let free_night = if hour < 5 { eve } else { !works };
                weights.push(share * BUSY[usize::from(free_night)][hour]);
            }
            working.push(works);
        }
        if month == 0 {
            weights[..4].iter_mut().for_each(|hour| *hour *= 1.6); // New Year
        }
        Month { month, first_day, before: shared(trips, &weights), working }
    }

    fn trips(&self) -> u64 {
        self.before[self.before.len() - 1]
    }
}

/// The months of a year with so many trips.
fn months(trips: u64) -> Vec<Month> {
    let before = shared(trips, &SHARE);
    (0..12).map(|month| Month::new(month, before[month + 1] - before[month])).collect()
}

/// What is missing.
const NO_COUNT: u8 = u8::MAX;
const NO_MONEY: i32 = i32::MIN;

/// A trip. Money is in cents, and distance in hundredths of a mile.
struct Trip {
    vendor: u8,
    pickup: i64,
    dropoff: i64,
    passengers: u8,
    distance: i32,
    rate: u8,
    /// `Y`, `N`, or a blank where it is missing.
    stored: u8,
    from: u16,
    to: u16,
    payment: u8,
    fare: i32,
    extra: i32,
    tax: i32,
    tip: i32,
    tolls: i32,
    improvement: i32,
    total: i32,
    congestion: i32,
}
