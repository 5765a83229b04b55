"""Charts as well-formed pictures with what they show in them."""

from xml.etree import ElementTree as ET

from benchmarks.chart import bars, lines


def _texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter() if element.tag.endswith("text")]  # noqa: S314  our own


def test_lines_name_their_points_and_their_series() -> None:
    texts = _texts(
        lines("Throughput", x="in flight", points=["1", "10"], unit="a second", series={"ours": [400, 1900]})
    )

    assert {"Throughput", "in flight", "1", "10", "a second", "ours", "0", "2,000"} <= set(texts)


def test_a_scale_of_powers_of_ten_reaches_around_every_value() -> None:
    svg = lines("Latency", x="percentile", points=["p50", "p99"], unit="ms", series={"ours": [2.8, 41.0]}, log=True)

    assert {"1", "10", "100"} <= set(_texts(svg))


def test_a_bar_is_as_long_as_its_share_of_the_longest() -> None:
    svg = ET.fromstring(bars("Cost <a message>", unit="µs", rows=[("read", 30), ("decide", 60)]))  # noqa: S314  our own
    widths = [float(element.get("width") or 0) for element in svg.iter() if element.get("height") == "16"]

    assert widths[0] * 2 == widths[1]
