/// All that trips are drawn from.
struct City {
    zones: Vec<Zone>,
    /// Where trips begin: for morning, day, evening and night.
    pickups: Vec<Choice>,
    /// Where they end, for each zone that they begin in: the same four, one after another.
    dropoffs: Vec<Choice>,
}

const PERIODS: usize = 4;

/// Morning, day, evening or night.
fn period(hour: usize, working: bool) -> usize {
    match hour {
        5..=9 if working => 0,
        5..=15 => 1,
        16..=20 => 2,
        _ => 3,
    }
}

impl City {
    fn new() -> City {
        let zones = zones();
        let leaving = |kind| match kind {
            b'h' => [1.6, 1.0, 0.9, 0.8],
            b'w' => [0.8, 1.1, 1.4, 0.7],
            b'n' => [0.6, 0.8, 1.1, 2.0],
            b'a' => [0.5, 1.1, 1.2, 0.9],
            _ => [1.0, 1.0, 1.1, 1.1],
        };
        let arriving = |kind| match kind {
            b'h' => [0.6, 0.9, 1.2, 1.6],
            b'w' => [1.9, 1.1, 0.7, 0.5],
            b'n' => [0.6, 0.8, 1.3, 1.3],
            b'a' => [1.4, 1.1, 0.9, 0.35],
            _ => [1.2, 1.0, 1.0, 0.8],
        };
        let each_period = || 0..PERIODS;
        let from =
            |period: usize| zones.iter().map(|zone| zone.pickups * leaving(zone.kind)[period]).collect::<Vec<_>>();
        let pickups = each_period().map(|period| Choice::new(&from(period))).collect();
        let mut dropoffs = Vec::new();
        for start in &zones {
            let (x, y) = start.at();
            // People go far to and from airports only.
            let reach = if start.kind == b'a' { 14.0 } else { 1.15 };
            for period in each_period() {
                let weight = |end: &Zone| {
                    let (to_x, to_y) = end.at();
                    let squared = ((to_x - x) * (to_x - x) + (to_y - y) * (to_y - y)) / (reach * reach);
                    let fall = if end.kind == b'a' { 0.28 } else { 1.0 / (1.0 + squared) };
                    let same = if std::ptr::eq(start, end) { 0.7 } else { 1.0 };
                    let unknown = if start.place == b'U' && end.place == b'U' { 20.0 } else { 1.0 };
                    end.dropoffs() * arriving(end.kind)[period] * fall * same * unknown
                };
                dropoffs.push(Choice::new(&zones.iter().map(weight).collect::<Vec<_>>()));
            }
        }
        City { zones, pickups, dropoffs }
    }

    /// The trip that is the `row`th of a month.
    fn trip(&self, month: &Month, hour: usize, row: u64) -> Trip {
        let mut draws = Draws::of(SEED, month.month, row);
        let draws = &mut draws;
        let (day, hour_of_day) = (hour / HOURS, hour % HOURS);
        let working = month.working[day];
        let now = period(hour_of_day, working);
        let from = self.pickups[now].draw(draws);
        let to = self.dropoffs[from * PERIODS + now].draw(draws);
        let (start, end) = (&self.zones[from], &self.zones[to]);

        // Within the hour the trips are nearly in order.
        let (before, after) = (month.before[hour], month.before[hour + 1]);
        let place = (row - before) as f64 + 0.5;
        let second = 3600.0 * place / (after - before) as f64 + 240.0 * (draws.part() - 0.5);
        let hours = (month.first_day * HOURS as i64 + hour as i64) * 3600;
        let mut pickup = hours + (second.clamp(0.0, 3599.0)) as i64;

        // Streets are longer than the way of a bird, and zones are not points.
        let ((x, y), (to_x, to_y)) = (start.at(), end.at());
        let (dx, dy) = (to_x - x + 0.6 * (draws.part() - 0.5), to_y - y + 0.6 * (draws.part() - 0.5));
        let mut miles = (dx * dx + dy * dy).sqrt() * (1.12 + 0.3 * draws.part()) + 0.1 + 0.3 * draws.part();
        let mood = (draws.part() + draws.part()) / 2.0;
        let speed = SPEED[hour_of_day] * (0.8 + 0.08 * miles.min(12.0)) * (0.7 + 0.6 * mood);
        let speed = if working { speed } else { speed * 1.12 };
        let mut seconds = (miles / speed * 3600.0 + 60.0 + 120.0 * draws.part()) as i64;

        let vendor = match draws.below(1000) {
            0..358 => 1,
            358..993 => 2,
            _ => 4,
        };
        let slow = (seconds as f64 / 60.0) * ((14.0 - speed) / 14.0).clamp(0.0, 0.6);
        let mut fare = 250 + 50 * (miles * 5.0 + slow) as i32;
        let (mut rate, mut tax) = (1, 50);
        let rush = working && (16..20).contains(&hour_of_day);
        let mut extra = if rush {
            100
        } else if !(6..20).contains(&hour_of_day) {
            50
        } else {
            0
        };
        let manhattan = |zone: &Zone| matches!(zone.place, b'Y' | b'M');
        let by_air = |one: usize, other: &Zone| one == 131 && manhattan(other);
        if (by_air(from, end) || by_air(to, start)) && !draws.once_in(20) {
            (rate, fare, extra) = (2, 5200, if rush { 450 } else { 0 });
        } else if end.place == b'E' {
            (rate, fare) = (3, fare + 1750);
        } else if end.place == b'N' && draws.once_in(3) {
            (rate, fare) = (4, fare * 3 / 2);
        } else if end.place == b'N' || draws.once_in(250) {
            (rate, fare, extra, tax) = (5, 100 * (20 + draws.below(90) as i32), 0, 0);
        } else if draws.once_in(150_000) {
            rate = 99;
        }
        let after_march = YEAR > 2019 || YEAR == 2019 && month.month >= 3;
        let far = end.kind == b'a' || start.kind == b'a';
        let tolls = match draws.below(100) {
            _ if end.place == b'E' => 1050 + 100 * draws.below(5) as i32,
            0..40 if far => {
                if after_march {
                    612
                } else {
                    576
                }
            }
            0 if miles > 4.0 => 612,
            _ => 0,
        };
        let charged = |zone: &Zone, at: usize| zone.place == b'Y' && !matches!(at, 23 | 102..=104 | 150 | 193);
        let charges = YEAR > 2019 || YEAR == 2019 && month.month >= 1;
        let congestion = match charged(start, from) || charged(end, to) {
            _ if !charges => NO_MONEY,
            true => 250,
            false => 0,
        };
        let improvement = if draws.once_in(2000) { 0 } else { 30 };
        let passengers = match draws.below(1000) {
            0..710 => 1,
            710..860 => 2,
            860..903 => 3,
            903..923 => 4,
            923..965 => {
                if vendor == 2 {
                    5
                } else {
                    1
                }
            }
            965..991 => {
                if vendor == 2 {
                    6
                } else {
                    1
                }
            }
            _ => {
                if vendor == 1 {
                    0
                } else {
                    1
                }
            }
        };
        let payment = match draws.below(1000) {
            0..715 => 1,
            715..993 => 2,
            993..998 => 3,
            _ => 4,
        };
        let owed = fare + extra + tax + tolls + improvement + congestion.max(0);
        let tip = match draws.below(100) {
            _ if payment != 1 => 0,
            0..5 => 0,
            5..50 => owed / 5,
            50..61 => owed / 4,
            61..69 => owed * 3 / 10,
            69..76 => owed * 3 / 20,
            76..82 => owed * 9 / 50,
            82..99 => (owed as f64 * 0.15 / 100.0).round().max(1.0) as i32 * 100,
            _ => 1 + draws.below(5000) as i32,
        };
        let stored = if vendor == 1 && draws.once_in(60) { b'Y' } else { b'N' };

        // What is wrong with data in the world.
        let dirt = draws.below(1_000_000);
        match dirt {
            0..50 => pickup = wrong_date(draws),
            50..70 => seconds = -(draws.below(3600) as i64),
            70..2500 if vendor == 2 => seconds = 86_399 - draws.below(5400) as i64, // the meter ran on
            2500..9500 => {
                (miles, seconds) = (0.0, 2 + draws.below(60) as i64);
                if draws.once_in(2) {
                    fare = 250;
                }
            }
            9500..9504 => miles *= 1000.0 + 9000.0 * draws.part(),
            9504..9506 => fare = 100_000 + draws.below(90_000_000) as i32,
            9506..9600 => fare = 0,
            _ => {}
        }
        let total = fare + extra + tax + tip + tolls + improvement + congestion.max(0);
        let distance = (miles * 100.0).round() as i32;
        let mut trip = Trip {
            vendor,
            pickup,
            dropoff: pickup + seconds,
            passengers: if (9600..9610).contains(&dirt) { 7 + draws.below(3) as u8 } else { passengers },
            distance,
            rate,
            stored,
            from: from as u16 + 1,
            to: to as u16 + 1,
            payment,
            fare,
            extra,
            tax,
            tip,
            tolls,
            improvement,
            total,
            congestion,
        };
        if (10_000..14_500).contains(&dirt) {
            // Trips by telephone lack what the meter would have said.
            (trip.passengers, trip.rate, trip.stored, trip.payment) = (NO_COUNT, NO_COUNT, b' ', 0);
            (trip.tip, trip.total) = (0, trip.total - tip);
            if congestion != NO_MONEY {
                (trip.congestion, trip.total) = (NO_MONEY, trip.total - congestion);
            }
        } else if vendor == 2 && payment > 2 && draws.once_in(3) {
            trip.taken_back();
        }
        trip
    }
}

/// A day that clocks show that were never set.
fn wrong_date(draws: &mut Draws) -> i64 {
    let days =
        [(2001, 1, 1), (2003, 1, 1), (2008, 12, 31), (2009, 1, 1), (YEAR - 1, 12, 31), (YEAR + 1, 2, 2), (2088, 1, 24)];
    let (year, month, day) = days[draws.below(7) as usize];
    day_number(year, month, day) * 86_400 + draws.below(86_400) as i64
}

impl Trip {
    /// A fare that was paid back: the same amounts, less than nothing.
    fn taken_back(&mut self) {
        let amounts = [
            &mut self.fare,
            &mut self.extra,
            &mut self.tax,
            &mut self.tip,
            &mut self.tolls,
            &mut self.improvement,
            &mut self.total,
            &mut self.congestion,
        ];
        for amount in amounts.into_iter().filter(|amount| **amount != NO_MONEY) {
            *amount = -*amount;
        }
    }
}
