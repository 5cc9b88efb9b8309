//! Numbers that are read when somebody scrapes, for what has its own books already: a store, a cache.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;

/// One number at the moment of a scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Name; a counter gets `_total` by itself.
    pub name: &'static str,
    /// A sentence without its full stop.
    pub help: &'static str,
    /// Whether it only grows.
    pub is_counter: bool,
    /// At most one label and its value, which tells it from others of the name: those stand one after the other.
    pub label: Option<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

impl Reading {
    fn write(&self, metric: &mut MetricEncoder<'_>) -> Result<(), fmt::Error> {
        if self.is_counter {
            return metric.encode_counter::<[(&str, &str); 0], f64, f64>(&self.value, None);
        }
        metric.encode_gauge(&self.value)
    }
}

type Read = dyn Fn() -> Vec<Reading> + Send + Sync;

/// Asks for readings.
pub(crate) struct Scraped(pub Box<Read>);

impl fmt::Debug for Scraped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scraped")
    }
}

impl Collector for Scraped {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let readings = (self.0)();
        for same in readings.chunk_by(|a, b| a.name == b.name) {
            let first = &same[0];
            let kind = if first.is_counter { MetricType::Counter } else { MetricType::Gauge };
            let mut metric = encoder.encode_descriptor(first.name, first.help, None, kind)?;
            for one in same {
                match &one.label {
                    Some((name, value)) => one.write(&mut metric.encode_family(&[(*name, value.as_str())])?)?,
                    None => one.write(&mut metric)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    #[test]
    fn readings_are_taken_at_the_scrape_and_shown_by_label() {
        let registry = Registry::default();
        let reading = |label: &str, value| Reading {
            name: "things",
            help: "Things there are",
            is_counter: false,
            label: Some(("kind", label.to_owned())),
            value,
        };
        let counted = Reading { name: "turns", help: "Turns taken", is_counter: true, label: None, value: 7.0 };
        registry.on_scrape(move || vec![reading("a", 1.0), reading("b", 2.5), counted.clone()]);
        let text = registry.encode();
        assert!(text.contains("# TYPE things gauge\nthings{kind=\"a\"} 1.0\nthings{kind=\"b\"} 2.5\n"), "{text}");
        assert!(text.contains("turns_total 7.0\n"), "{text}");
    }
}
