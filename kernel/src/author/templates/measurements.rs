// Measurements that are made up: four stations, a year, warmer in its middle. Whole numbers, so that each machine makes the same.
{
    use std::fmt::Write as _;
    let mut text = String::from("station,day,temperature\n");
    let mut noise: u64 = 2013;
    for (station, base) in [("beach", 110), ("city", 130), ("forest", 100), ("hill", 70)] {
        for day in 1..=365_u64 {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let tenths = base + (183 - day.abs_diff(183)) / 2 + (noise >> 40) % 60;
            writeln!(text, "{station},{day},{}.{}", tenths / 10, tenths % 10)?;
        }
    }
    std::fs::write("measurements.csv", text)?;
}
