//! What users rely on when they plot.

use ndarray::{Array2, array};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn error(plot: &Plot) -> String {
    plot.spec().unwrap_err().to_string()
}

fn rows(plot: &Plot, layer: usize) -> Vec<Value> {
    plot.spec().unwrap()["layer"][layer]["data"]["values"].as_array().unwrap().clone()
}

#[test]
fn a_plot_has_a_form_for_every_front_end() {
    let shown = line(([0.0, 0.5, 1.0], [1, 4, 9])).title("Squares & more").show();
    assert!(shown.get("image/svg+xml").unwrap().contains("Squares &amp; more"));
    assert!(shown.get("text/plain").unwrap().starts_with("Squares & more\n"));
    let spec = &shown.forms()[VEGA_LITE_MIME];
    assert_eq!(spec["title"]["text"], "Squares & more");
    assert_eq!(spec["layer"][0]["data"]["values"][1], json!({"x": 0.5, "y": 4}));
    // HTML would be taken instead of the plot by JupyterLab.
    assert_eq!(shown.get("text/html"), None);
}

#[test]
fn a_mistake_is_shown_and_is_an_error() {
    let plot = line(([1, 2, 3], [1, 2]));
    assert_eq!(error(&plot), "x has 3 values and y has 2: give as many of each");
    let shown = plot.show();
    assert!(shown.get("text/plain").unwrap().starts_with("This plot cannot be drawn: x has 3 values"));
    assert!(shown.get("text/html").is_some() && shown.get("image/svg+xml").is_none());
    assert!(plot.svg().is_err() && plot.text().is_err() && plot.save("x.svg").is_err());
}

#[test]
fn every_mistake_has_its_own_sentence() {
    let nothing: [f64; 0] = [];
    let cases = [
        (line(nothing), "the line has no points"),
        (line([f64::NAN]), "the line has no points, or none but NaN"),
        (hist(nothing), "the histogram has no values"),
        (scatter([1, 2]).color([1]), "color has 1 values where x and y have 2"),
        (scatter([1, 2]).size_by([1, 2, 3]), "size_by has 3 values"),
        (line([1, 2]).color([1, 2]), "color does nothing for a line: only the points of `scatter`"),
        (line([1, 2]).color("no colour"), "give a CSS colour"),
        (line([1, 2]).color("red\"/><script>"), "give a CSS colour"),
        (bar([1, 2]).bins(3), "bins does nothing for a bar plot: it belongs to `hist`"),
        (hist([1, 2]).bins(0), "bins was 0"),
        (hist(["a"]), "count the names"),
        (line((["a"], ["b"])), "y cannot be names"),
        (line([1]).size(10, 10), "size was 10 × 10"),
        (line([1]).opacity(1.5), "opacity was 1.5"),
        (line([1]).y_range(2.0, 1.0), "y_range was 2 to 1"),
        (bar((["a"], [1])).and(line([1])), "x is names in one of them and numbers in another"),
        (line((Column::Times(vec![0.0]), [1])).and(line([1])), "x is times in one of them and numbers in another"),
        (line([-1.0, 0.0]).log_y(), "the line has no points"),
        (heatmap([[1], [2]]).log_x(), "log_x does nothing for a heat map"),
        (heatmap(vec![vec![1], vec![1, 2]]), "row 1 of the matrix has 2 values"),
        (heatmap(Array2::<f64>::zeros((0, 3))), "the matrix has no values"),
        (line(Column::Other("a series of lists".into())), "y cannot be a series of lists"),
    ];
    for (plot, expected) in cases {
        let message = error(&plot);
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
    }
}

#[test]
fn the_first_mistake_is_told_also_of_plots_over_one_another() {
    let plot = line([1]).opacity(7.0).bins(0).and(line([1]).size(1, 1));
    assert!(error(&plot).starts_with("opacity was 7"));
    assert!(error(&line([1]).and(line([1]).size(1, 1))).starts_with("size was 1 × 1"));
}

#[test]
fn a_missing_value_is_a_gap() {
    let plot = line([Some(1.0), None, Some(f64::INFINITY), Some(2.0)]);
    let values: Vec<Value> = rows(&plot, 0).into_iter().map(|row| row["y"].clone()).collect();
    assert_eq!(values, [json!(1), Value::Null, Value::Null, json!(2)]);
    assert!(plot.text().unwrap().contains("1 value is infinite"));
    // Two points that stand alone are dots.
    assert!(plot.svg().unwrap().contains("stroke-linecap"));
}

#[test]
fn layers_have_names_and_colours_of_their_own() {
    let plot = line([1, 2]).label("warp").and(scatter([2, 1]).label("weft \"2\"").color("teal"));
    let spec = plot.spec().unwrap();
    let scale = &spec["layer"][1]["encoding"]["color"]["scale"];
    assert_eq!(scale["domain"], json!(["warp", "weft \"2\""]));
    assert_eq!(scale["range"], json!(["#0072b2", "teal"]));
    assert_eq!(spec["layer"][1]["transform"][0]["calculate"], "\"weft \\\"2\\\"\"");
    let svg = plot.svg().unwrap();
    assert!(svg.contains(">warp<") && svg.contains("weft &quot;2&quot;") && svg.contains("teal"), "{svg}");
    assert!(plot.text().unwrap().contains("of warp, weft \"2\""));
}

#[test]
fn a_long_line_keeps_its_peaks() {
    let mut values = vec![0.0; 1_000_000];
    values[123_456] = 7.5;
    values[654_321] = -3.0;
    let kept = rows(&line(&values), 0);
    assert!(kept.len() <= 5_000, "{}", kept.len());
    assert!(kept.contains(&json!({"x": 123_456, "y": 7.5})) && kept.contains(&json!({"x": 654_321, "y": -3})));
}

#[test]
fn a_large_scatter_plot_says_what_it_left_out() {
    let plot = scatter((0..100_000).collect::<Vec<i64>>()).color(0..100_000);
    let kept = rows(&plot, 0);
    assert_eq!((kept.len(), kept[19_999].clone()), (20_000, json!({"x": 99_995, "y": 99_995, "c": 99_995})));
    let note = "20,000 of 100,000 points shown, evenly spread";
    assert_eq!(plot.spec().unwrap()["title"]["subtitle"], json!([note]));
    assert!(plot.svg().unwrap().contains(note) && plot.text().unwrap().contains(note));
}

#[test]
fn a_histogram_sends_its_bars_only() {
    let values: Vec<f64> = (0..1_000_000).map(|place| f64::from(place % 1000)).collect();
    let bars = rows(&hist(&values).bins(50), 0);
    assert_eq!(bars.len(), 50);
    assert!(bars.iter().all(|bar| bar["y"] == 20_000), "{bars:?}");
}

#[test]
fn histograms_over_one_another_have_the_same_bins() {
    let plot = hist([1.0, 2.0, 3.0]).and(hist([10.0, 20.0]).bins(19));
    let edges = |layer| rows(&plot, layer).iter().map(|row| row["x0"].clone()).collect::<Vec<_>>();
    assert_eq!(edges(0), edges(1));
    assert_eq!(edges(0).len(), 19);
}

#[test]
fn bars_of_several_layers_stand_side_by_side() {
    let plot = bar((["a", "b"], [1, 2])).and(bar((["b", "c"], [3, 4])));
    let spec = plot.spec().unwrap();
    assert_eq!(spec["layer"][0]["encoding"]["x"]["scale"]["domain"], json!(["a", "b", "c"]));
    assert_eq!(spec["layer"][1]["encoding"]["xOffset"]["datum"], 1);
    let many: Vec<String> = (0..500).map(|name| format!("n{name}")).collect();
    let plot = bar((&many, vec![1; 500]));
    assert_eq!(rows(&plot, 0).len(), 200);
    assert!(plot.text().unwrap().contains("the first 200 of 500 bars shown"));
}

#[test]
fn a_matrix_has_its_first_row_at_the_bottom_and_an_image_on_top() {
    let matrix = array![[1.0, 2.0, 3.0], [4.0, f64::NAN, 6.0]];
    let reversed = |plot: Plot| plot.spec().unwrap()["layer"][0]["encoding"]["y"]["scale"]["reverse"].clone();
    assert_eq!((reversed(heatmap(&matrix)), reversed(imshow(&matrix))), (Value::Null, json!(true)));
    assert_eq!(rows(&heatmap(&matrix), 0)[4], json!({"data": null}));
    let text = imshow(&matrix).text().unwrap();
    assert!(text.starts_with("··") && heatmap(&matrix).text().unwrap().contains("▓▓  ██\n··"), "{text}");
}

#[test]
fn a_large_matrix_is_averaged_over_blocks() {
    let plot = heatmap(Array2::from_shape_fn((1000, 600), |(row, _)| row));
    assert_eq!(rows(&plot, 0).len(), 200 * 200);
    assert!(plot.text().unwrap().contains("means over blocks of 5 × 3 values"));
    assert_eq!(plot.spec().unwrap()["layer"][0]["encoding"]["y"]["scale"]["domain"], json!([-0.5, 999.5]));
    assert!(plot.svg().unwrap().len() < 600_000);
}

#[test]
fn colours_can_diverge_and_be_the_same_in_several_plots() {
    let scale = |plot: Plot| plot.spec().unwrap()["layer"][0]["encoding"]["color"]["scale"].clone();
    let matrix = [[-1.0, 3.0], [0.0, 2.0]];
    let diverging = scale(heatmap(matrix).diverging());
    assert_eq!((&diverging["domain"], &diverging["reverse"]), (&json!([-3.0, 3.0]), &json!(true)));
    let svg = heatmap(matrix).diverging().svg().unwrap();
    let red = super::colors::Shades::Diverging.color(63.5 / 64.0);
    assert!(svg.contains(&red), "the largest is the darkest red");
    let limited = scale(heatmap(matrix).color_range(0.0, 2.0));
    assert_eq!((&limited["domain"], &limited["clamp"]), (&json!([0.0, 2.0]), &json!(true)));
    // What is outside is drawn in the colour of the nearer end, in all forms.
    assert!(
        heatmap(matrix).color_range(0.0, 2.0).svg().is_ok() && heatmap(matrix).color_range(0.0, 2.0).text().is_ok()
    );
    let error = heatmap(matrix).color_range(2.0, 2.0).spec().unwrap_err().to_string();
    assert!(error.contains("color_range"), "{error}");
}

#[test]
fn colours_by_number_and_by_name_have_scales() {
    let numbers = scatter([1, 2, 3]).color([0.0, f64::NAN, 1e7]).color_label("W");
    let color = &numbers.spec().unwrap()["layer"][0]["encoding"]["color"]["condition"];
    assert_eq!((&color["title"], &color["scale"]["domain"]), (&json!("W"), &json!([0.0, 1e7])));
    let names = scatter([1, 2, 3]).color(["a", "b", "a"]);
    assert_eq!(names.spec().unwrap()["layer"][0]["encoding"]["color"]["scale"]["domain"], json!(["a", "b"]));
    let both = numbers.and(names).and(line([1, 2]).label("l"));
    assert_eq!(both.spec().unwrap()["resolve"]["scale"]["color"], "independent");
}

#[test]
fn times_are_times_in_all_forms() {
    let days = Column::Times((0..30).map(|day| f64::from(day) * 86_400_000.0).collect());
    let plot = line((&days, 0..30));
    assert_eq!(plot.spec().unwrap()["layer"][0]["encoding"]["x"]["scale"]["type"], "utc");
    assert!(plot.svg().unwrap().contains(">15 Jan<"), "{}", plot.svg().unwrap());
    assert!(plot.text().unwrap().ends_with("1970-01-30"));
}

#[test]
fn files_are_written_by_their_ending() {
    let folder = tempfile::tempdir().unwrap();
    let plot = line([1, 2]).title("A <plot>");
    for (name, start) in [("p.svg", "<svg"), ("p.JSON", "{"), ("p.html", "<!DOCTYPE html>")] {
        plot.save(folder.path().join(name)).unwrap();
        assert!(std::fs::read_to_string(folder.path().join(name)).unwrap().starts_with(start), "{name}");
    }
    plot.save(folder.path().join("p.png")).unwrap();
    assert!(std::fs::read(folder.path().join("p.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(plot.save("plot").unwrap_err().to_string().contains(".svg, .png, .html or .json"));
    let message = plot.save(folder.path().join("no/p.svg")).unwrap_err().to_string();
    assert!(message.contains("could not write the picture to") && message.contains("no/p.svg"), "{message}");
}

/// Plots of every kind over any numbers, the strange ones too.
fn any_plot() -> impl Strategy<Value = Plot> {
    let number = prop_oneof![4 => -1e3..1e3f64, 1 => any::<f64>(), 1 => Just(f64::NAN), 1 => Just(0.0)];
    let values = proptest::collection::vec(number, 0..40);
    (values, 0..7, any::<(bool, bool, bool)>()).prop_map(|(values, kind, (log_x, log_y, labelled))| {
        let names: Vec<String> = (0..values.len()).map(|place| format!("n{}", place / 2)).collect();
        let back: Vec<f64> = values.iter().rev().copied().collect();
        let mut plot = match kind {
            0 => line(&values),
            1 => line((&back, &values)).and(scatter(&values)),
            2 => scatter((&back, &values)).color(&values).size_by(&back),
            3 => hist(&values),
            4 => bar((&names, &values)).and(bar((&names, &back))),
            5 => bar((&back, &values)),
            _ => heatmap(vec![values.clone(), back]),
        };
        if labelled {
            plot = plot.label("l").title("t").x_label("x").y_label("y");
        }
        if log_x {
            plot = plot.log_x();
        }
        if log_y { plot.log_y() } else { plot }
    })
}

proptest! {
    #[test]
    fn all_forms_of_any_plot_agree_on_whether_it_can_be_drawn(plot in any_plot()) {
        match plot.svg() {
            Ok(svg) => {
                let options = resvg::usvg::Options::default();
                prop_assert!(resvg::usvg::Tree::from_str(&svg, &options).is_ok(), "{}", svg);
                prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", svg);
                let spec = plot.spec().unwrap();
                prop_assert!(!spec["layer"].as_array().unwrap().is_empty());
                prop_assert!(plot.text().unwrap().lines().all(|line| line.chars().count() < 120));
            }
            Err(error) => {
                prop_assert_eq!(plot.spec(), Err(error));
                prop_assert!(plot.show().get("text/plain").unwrap().starts_with("This plot cannot be drawn"));
            }
        }
    }
}
