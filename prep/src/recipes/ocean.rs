const MONTHS: usize = 360;
const LATITUDES: usize = 89;
const LONGITUDES: usize = 180;
const PARTS: f64 = 64.0;

fn latitude(row: usize) -> f64 {
    2.0 * row as f64 - 88.0
}

fn longitude(column: usize) -> f64 {
    2.0 * column as f64
}

/// How warm the tropical Pacific is, beyond its season: events in the years that had some, each at its height in December.
fn el_nino(month: usize) -> f64 {
    const EVENTS: [(i32, f64); 18] = [
        (1991, 1.6),
        (1994, 1.0),
        (1995, -0.8),
        (1997, 2.3),
        (1998, -1.3),
        (1999, -1.5),
        (2000, -0.7),
        (2002, 1.2),
        (2004, 0.6),
        (2006, 0.9),
        (2007, -1.5),
        (2009, 1.5),
        (2010, -1.5),
        (2011, -1.0),
        (2014, 0.5),
        (2015, 2.5),
        (2017, -0.9),
        (2018, 0.8),
    ];
    let height = |(year, strength): (i32, f64)| strength * bump(month as f64, f64::from((year - 1990) * 12 + 11), 4.5);
    EVENTS.into_iter().map(height).sum()
}

/// Degrees Celsius; NaN on land.
fn temperature(month: usize, row: usize, column: usize) -> f32 {
    let (lat, lon, time) = (latitude(row), longitude(column), month as f64);
    if is_land((89.5 - lat) as usize, lon as usize) {
        return f32::NAN;
    }
    let south = if lat < 0.0 { 1.05 } else { 1.0 };
    let climate = -1.5 + 30.2 * (lat * south).to_radians().cos().max(0.0).powf(2.1)
        - 4.0 * bump(lat, 0.0, 5.0) * bump(lon, 265.0, 40.0)
        + 1.0 * bump(lat, 0.0, 15.0) * bump(lon, 150.0, 40.0)
        + 5.0 * bump(lat, 58.0, 14.0) * bump(lon, 345.0, 28.0);
    // Warmest in August in the north, and in February in the south, where there is more water.
    let turn = (std::f64::consts::TAU * (time - 7.3) / 12.0).cos();
    let season = 5.0 * bump(lat.abs(), 42.0, 20.0) * (lat / 8.0).tanh() * if lat < 0.0 { 0.6 } else { 1.0 } * turn;
    let trend = 0.017 * (time - 180.0) / 12.0;
    let pacific = bump(lat, 0.0, 9.0) * (bump(lon, 235.0, 38.0) - 0.35 * bump(lon, 145.0, 25.0));
    let weather = 0.7 * noise(1, [time, lat, lon], [4.0, 12.0, 20.0])
        + 0.4 * noise(2, [time, lat, lon], [2.0, 6.0, 8.0]);
    rounded((climate + season + trend + el_nino(month) * pacific + weather).max(-1.8), PARTS) as f32
}

let (shape, chunks) = ((MONTHS, LATITUDES, LONGITUDES), (24, LATITUDES, LONGITUDES));
let sst = Array::from_fn(shape, chunks, |at| temperature(at[0], at[1], at[2]));
let lat = Array::from_fn(LATITUDES, "auto", |at| latitude(at[0]) as f32);
let lon = Array::from_fn(LONGITUDES, "auto", |at| longitude(at[0]) as f32);
// The first day of each month, as a number of days.
let mut first_days = vec![0_i64];
for month in 0..MONTHS - 1 {
    let year = 1990 + month / 12;
    let is_leap = year % 4 == 0; // from 1990 to 2019
    let days = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month % 12];
    first_days.push(first_days[month] + days);
}
let time = Array::from_vec(first_days, "auto");

const SINCE: &str = "days since 1990-01-01";
const NAMES: [&str; 3] = ["time", "lat", "lon"];
const TITLE: &str = "Synthetic monthly sea surface temperatures: not measured, made up by Taskloom";

let plain = ZarrOptions::new;
let zarr = Path::new(FOLDER).join("sst.zarr");
sst.to_zarr_array(&zarr, "sst", &plain()
    .chunks([60, LATITUDES, LONGITUDES])
    .compression(Compression::Blosc(5))
    .fill_value(f32::NAN)
    .dimension_names(NAMES)
    .attribute("long_name", "sea surface temperature")
    .attribute("title", TITLE)
    .attribute("units", "degree_Celsius"))?;
lat.to_zarr_array(&zarr, "lat", &plain().dimension_names(["lat"]).attribute("units", "degrees_north"))?;
lon.to_zarr_array(&zarr, "lon", &plain().dimension_names(["lon"]).attribute("units", "degrees_east"))?;
let dates = plain().dimension_names(["time"]).attribute("units", SINCE).attribute("calendar", "standard");
time.to_zarr_array(&zarr, "time", &dates)?;

const MISSING: i16 = i16::MIN;
let packed = (&sst * PARTS as f32).fill_nan(f32::from(MISSING)).astype::<i16>();
let plain = Hdf5Options::new;
Hdf5Writer::create(Path::new(FOLDER).join("sst.nc"))
    .attribute("title", TITLE)
    .add("lat", &lat, &plain().dimension_names(["lat"]).attribute("units", "degrees_north"))
    .add("lon", &lon, &plain().dimension_names(["lon"]).attribute("units", "degrees_east"))
    .add("time", &time, &plain().dimension_names(["time"]).attribute("units", SINCE).attribute("calendar", "standard"))
    .add("sst", &packed, &plain()
        .chunks([24, LATITUDES, LONGITUDES])
        .deflate(6)
        .shuffle(true)
        .fill_value(MISSING)
        .dimension_names(NAMES)
        .attribute("long_name", "sea surface temperature")
        .attribute("units", "degree_Celsius")
        .attribute("scale_factor", 1.0 / PARTS)
        .attribute("add_offset", 0.0))
    .write()?;
