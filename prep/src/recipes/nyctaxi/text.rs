/// Numbers as bytes of text.
fn push_number(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = 20;
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[start..]);
}

fn push_two(text: &mut Vec<u8>, number: u64) {
    text.extend_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}

/// Hundredths, without zeros at the end.
fn push_hundredths(text: &mut Vec<u8>, number: i32) {
    if number < 0 {
        text.push(b'-');
    }
    let number = u64::from(number.unsigned_abs());
    push_number(text, number / 100);
    match number % 100 {
        0 => {}
        tenths if tenths % 10 == 0 => text.extend_from_slice(&[b'.', b'0' + (tenths / 10) as u8]),
        hundredths => {
            text.push(b'.');
            push_two(text, hundredths);
        }
    }
}

/// The year, the month and the day of a day's number.
fn date(day: i64) -> (i64, u64, u64) {
    let days = day + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (year_of_era + era * 400, if month < 10 { month + 3 } else { month - 9 });
    (if month <= 2 { year + 1 } else { year }, month as u64, day as u64)
}

fn push_time(text: &mut Vec<u8>, second: i64) {
    let (year, month, day) = date(second.div_euclid(86_400));
    let second = second.rem_euclid(86_400) as u64;
    push_number(text, year as u64);
    for (mark, part) in
        [(b'-', month), (b'-', day), (b' ', second / 3600), (b':', second / 60 % 60), (b':', second % 60)]
    {
        text.push(mark);
        push_two(text, part);
    }
}

const HEADER: &str = "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,\
store_and_fwd_flag,PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,\
improvement_surcharge,total_amount,congestion_surcharge\n";

impl Trip {
    /// A line of the files of old.
    fn push_line(&self, text: &mut Vec<u8>) {
        let or_nothing = |text: &mut Vec<u8>, number: u8| {
            if number != NO_COUNT {
                push_number(text, number.into());
            }
            text.push(b',');
        };
        push_number(text, self.vendor.into());
        text.push(b',');
        push_time(text, self.pickup);
        text.push(b',');
        push_time(text, self.dropoff);
        text.push(b',');
        or_nothing(text, self.passengers);
        push_hundredths(text, self.distance);
        text.push(b',');
        or_nothing(text, self.rate);
        if self.stored != b' ' {
            text.push(self.stored);
        }
        for number in [self.from, self.to, self.payment.into()] {
            text.push(b',');
            push_number(text, number.into());
        }
        let amounts =
            [self.fare, self.extra, self.tax, self.tip, self.tolls, self.improvement, self.total, self.congestion];
        for amount in amounts {
            text.push(b',');
            if amount != NO_MONEY {
                push_hundredths(text, amount);
            }
        }
        text.push(b'\n');
    }
}
