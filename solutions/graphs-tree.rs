let mut level: Vec<Delayed<Tally>> = (0..16).map(|part| delayed!(tally(part))).collect();

while level.len() > 1 {
    level = level.chunks(2).map(|pair| delayed!(merge(pair[0], pair[1]))).collect();
}
let merged = level.remove(0);
