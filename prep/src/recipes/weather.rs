const DAYS: usize = 31;
const LATITUDES: usize = 360 * DETAIL;
const LONGITUDES: usize = 720 * DETAIL;

fn latitude(row: usize) -> f64 {
    90.0 - (row as f64 + 0.5) * 180.0 / LATITUDES as f64
}

fn longitude(column: usize) -> f64 {
    (column as f64 + 0.5) * 360.0 / LONGITUDES as f64
}

/// Kelvin, two metres above the ground, at noon of a day in January.
fn temperature(day: usize, row: usize, column: usize) -> f32 {
    // Where mountains are, and how much colder it is up there.
    const HEIGHTS: [(f64, f64, f64, f64, f64); 7] = [
        (34.0, 88.0, 6.0, 14.0, 20.0),    // Tibet
        (72.0, 320.0, 8.0, 12.0, 16.0),   // Greenland
        (42.0, 250.0, 11.0, 7.0, 9.0),    // Rocky Mountains
        (-20.0, 292.0, 16.0, 4.0, 14.0),  // Andes
        (9.0, 39.0, 6.0, 4.0, 9.0),       // Ethiopia
        (46.0, 10.0, 2.0, 4.0, 6.0),      // Alps
        (-82.0, 90.0, 12.0, 80.0, 22.0),  // Antarctica
    ];
    let (lat, lon, time) = (latitude(row), longitude(column), day as f64);
    let land = land_around(lat, lon);
    let climate = 301.0 - 46.0 * lat.to_radians().sin().powi(2);
    // January: the continents are cold in the north and warm in the south.
    let continent = land * if lat > 0.0 { -13.0 * (lat / 25.0).tanh() } else { 5.0 * bump(lat, -25.0, 18.0) };
    let height = |&(y, x, tall, wide, less): &(f64, f64, f64, f64, f64)| less * bump(lat, y, tall) * bump(lon, x, wide);
    let heights: f64 = HEIGHTS.iter().map(height).sum();
    // Six highs and lows around the globe move eastwards, ten degrees a day.
    let storms = 5.0 * bump(lat.abs(), 50.0, 14.0) * (6.0 * (lon - 10.0 * time).to_radians() + lat / 12.0).sin();
    let mild = 0.3 + 0.7 * bump(lat.abs(), 55.0, 25.0);
    let (wide, near) = ([3.0, 10.0, 12.0], [1.0, 4.0, 5.0]);
    let weather = mild * (5.0 * noise(3, [time, lat, lon], wide) + 2.0 * noise(4, [time, lat, lon], near));
    let ground = land * 2.5 * noise(5, [0.0, lat, lon], [1.0, 2.0, 2.5]);
    rounded(climate + continent - heights + storms + weather + ground, 16.0) as f32
}

let lat = Array::from_fn(LATITUDES, "auto", |at| latitude(at[0]) as f32);
let lon = Array::from_fn(LONGITUDES, "auto", |at| longitude(at[0]) as f32);
let plain = Hdf5Options::new;
for day in 0..DAYS {
    let t2m = Array::from_fn((LATITUDES, LONGITUDES), (180, 360), move |at| temperature(day, at[0], at[1]));
    Hdf5Writer::create(Path::new(FOLDER).join(format!("2021-01-{:02}.h5", day + 1)))
        .attribute("title", "Synthetic weather: not measured, made up by Taskloom")
        .add("lat", &lat, &plain().dimension_names(["lat"]).attribute("units", "degrees_north"))
        .add("lon", &lon, &plain().dimension_names(["lon"]).attribute("units", "degrees_east"))
        .add("t2m", &t2m, &plain()
            .chunks([180, 360])
            .deflate(6)
            .shuffle(true)
            .dimension_names(["lat", "lon"])
            .attribute("long_name", "temperature 2 m above the ground")
            .attribute("units", "K"))
        .write()?;
}
