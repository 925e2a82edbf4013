fn night_report() -> Delayed<String> {
    let lines: Vec<Delayed<String>> = (0..12)
        .map(|number| {
            let exposure = delayed!(read_exposure(number));
            let light = delayed!(light_of(&exposure));
            delayed!(describe(number, light))
        })
        .collect();
    delayed!((|lines: Vec<String>| lines.join("\n"))(lines)).named("join")
}
