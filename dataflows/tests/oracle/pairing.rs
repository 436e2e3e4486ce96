//! Which trades belong together: tier by tier, each on what those before it left.

use std::collections::BTreeMap;

use dataflows::reconciliation::config::TierConfig;
use dataflows::reconciliation::scoring::{Model, Prepared, Scorer, TradeFields, Verdict, match_lists};
use model::{Allocation, Dictionary, Field, Quantity, Record, Severity, Symbol, Trade, Value};
use operators::blocks::Side;

use super::differences::{Difference, are_compatible};
use super::rules::{self, Leg, is_from};
use super::{Fate, Found, date_text, symbol_text, value_text};

/// What trades are ordered by: what they say; their ids at last.
fn content(trade: &Trade) -> impl Ord + use<> {
    let terms = (trade.trade_date, trade.settlement_date, trade.quantity, trade.price);
    let names = (trade.source, trade.side, trade.product, trade.currency, trade.instrument, trade.counterparty);
    (terms, names, trade.detail.clone(), trade.id)
}

/// One leg on its way through the tiers.
struct Course<'a> {
    leg: &'a Leg,
    sources: &'a [String],
    dictionary: &'a Dictionary,
    allocations: [Vec<Allocation>; 2],
    left: [Vec<Trade>; 2],
    found: Found,
}

pub fn reconcile(leg: &Leg, records: &[Record], sources: &[String], dictionary: &Dictionary) -> Found {
    let mut left = leg.trades_in(records);
    left.iter_mut().for_each(|side| side.sort_by_key(content));
    let allocations = leg.allocations.each_ref().map(|sources| {
        let own = |record: &Record| match record {
            Record::Allocation(allocation) if is_from(allocation.source, sources) => Some(allocation.clone()),
            _ => None,
        };
        records.iter().filter_map(own).collect()
    });
    let mut course = Course { leg, sources, dictionary, allocations, left, found: Found::default() };
    course.confirmed(records);
    for (index, tier) in leg.tiers.iter().enumerate() {
        match tier {
            TierConfig::Identifier { field } => course.identifier(rules::field(field)),
            TierConfig::Economics { fields } => {
                course.economics(&fields.iter().map(|name| rules::field(name)).collect::<Vec<_>>())
            }
            TierConfig::Tolerance { by, side_max } => {
                course.tolerance(&by.iter().map(|name| rules::field(name)).collect::<Vec<_>>(), *side_max)
            }
            TierConfig::Scored { .. } => course.scored(index, records),
            TierConfig::Aggregate { by } => {
                course.aggregate(&by.iter().map(|name| rules::field(name)).collect::<Vec<_>>())
            }
        }
    }
    course.missing();
    course.found
}

/// The known values of some fields; `None` if any is not known.
fn values(trade: &Trade, fields: &[Field]) -> Option<Vec<Value>> {
    let values: Vec<Value> = fields.iter().map(|field| trade.value(*field)).collect();
    values.iter().all(|value| !value.is_none()).then_some(values)
}

type Groups<K> = BTreeMap<K, [Vec<Trade>; 2]>;

impl Course<'_> {
    /// The trades that are left, by a key; those without one are in no group.
    fn groups<K: Ord>(&self, key: impl Fn(&Trade) -> Option<K>) -> Groups<K> {
        let mut groups: Groups<K> = BTreeMap::new();
        for side in 0..2 {
            for trade in &self.left[side] {
                if let Some(key) = key(trade) {
                    groups.entry(key).or_default()[side].push(trade.clone());
                }
            }
        }
        groups
    }

    fn take(&mut self, trade: &Trade, fate: Fate) {
        let side = self.leg.side_of(trade).unwrap();
        let place = self.left[side].iter().position(|other| other == trade).expect("a trade is taken once");
        self.left[side].remove(place);
        self.found.fates.push((trade.clone(), fate));
    }

    /// Two trades belong together.
    fn pair(&mut self, tier: &str, left: &Trade, right: &Trade, other_break: Option<[String; 3]>) {
        let differences = self.leg.differences(left, right);
        let fate = if differences.is_empty() && other_break.is_none() { Fate::Matched } else { Fate::Differs };
        self.take(left, fate);
        self.take(right, fate);
        if let Some([kind, left_text, right_text]) = other_break {
            self.broken(&kind, Some("allocations"), Severity::Medium, left, Some(right), [left_text, right_text]);
        }
        for difference in &differences {
            self.mismatch(left, right, difference);
        }
        let evidence = self.leg.compare.iter().map(|(field, _)| {
            let agrees = differences.iter().all(|difference| difference.field != *field);
            self.evidence(*field, left, right, agrees, None)
        });
        let evidence: Vec<String> = evidence.collect();
        self.matched(tier, left, right, ["matched", "", ""], &evidence);
    }

    fn evidence(&self, field: Field, left: &Trade, right: &Trade, agrees: bool, weight: Option<i32>) -> String {
        let text = |trade: &Trade| serde_json::to_string(&value_text(&trade.value(field), self.dictionary)).unwrap();
        let weight = weight
            .map(|weight| format!(",\"weight\":{}", serde_json::to_string(&(f64::from(weight) / 1000.0)).unwrap()));
        let weight = weight.unwrap_or_default();
        format!(
            "{{\"field\":\"{field}\",\"left\":{},\"right\":{},\"agrees\":{agrees}{weight}}}",
            text(left),
            text(right)
        )
    }

    fn matched(
        &mut self,
        tier: &str,
        left: &Trade,
        right: &Trade,
        [status, score, margin]: [&str; 3],
        evidence: &[String],
    ) {
        let mut row = vec![self.leg.reconciliation.clone(), self.leg.sides[1].clone()];
        for trade in [left, right] {
            row.extend([self.sources[usize::from(trade.source.0)].clone(), symbol_text(trade.id, self.dictionary)]);
        }
        row.extend([tier, status, score, margin].map(str::to_owned));
        row.extend([symbol_text(left.instrument, self.dictionary), date_text(left.trade_date)]);
        row.push(format!("[{}]", evidence.join(",")));
        self.found.matches.push(row);
    }

    fn mismatch(&mut self, left: &Trade, right: &Trade, difference: &Difference) {
        let name = difference.field.name();
        let texts = difference.values.each_ref().map(|value| value_text(value, self.dictionary).unwrap_or_default());
        self.broken(&format!("{name}_mismatch"), Some(name), difference.severity(), left, Some(right), texts);
        let row = self.found.breaks.last_mut().unwrap();
        row[14] = difference.amount().map(|scaled| Value::Number { scaled, scale: 8 }.to_string()).unwrap_or_default();
        row[15] = self.leg.sides[difference.authority].clone();
    }

    fn broken(
        &mut self,
        kind: &str,
        field: Option<&str>,
        severity: Severity,
        trade: &Trade,
        other: Option<&Trade>,
        values: [String; 2],
    ) {
        let symbol = |symbol: Symbol| symbol_text(symbol, self.dictionary);
        let severity = self.leg.severities.get(kind).copied().unwrap_or(severity);
        let [left, right] = values;
        let desk = trade.detail.as_ref().map_or(Symbol::NONE, |detail| detail.desk);
        self.found.breaks.push(vec![
            break_id(self.leg, kind, &self.sources[usize::from(trade.source.0)], trade.id),
            self.leg.reconciliation.clone(),
            self.leg.sides[1].clone(),
            kind.to_owned(),
            field.unwrap_or("").to_owned(),
            severity.name().to_owned(),
            symbol(trade.id),
            other.map_or(String::new(), |other| symbol(other.id)),
            symbol(trade.instrument),
            symbol(trade.counterparty),
            symbol(desk),
            date_text(trade.trade_date),
            left,
            right,
            String::new(),
            String::new(),
        ]);
    }

    fn confirmed(&mut self, records: &[Record]) {
        let mut pairs = Vec::new();
        for record in records {
            let Record::Confirmation(confirmation) = record else { continue };
            let is_about_this = confirmation.reconciliation == Symbol::of(&self.leg.reconciliation);
            if !is_about_this || !is_from(confirmation.source, &self.leg.confirmations) {
                continue;
            }
            for left in self.left[0].iter().filter(|trade| trade.id == confirmation.left) {
                let rights = self.left[1].iter().filter(|trade| trade.id == confirmation.right);
                pairs.extend(rights.map(|right| ((), left.clone(), right.clone())));
            }
        }
        self.greedy("confirmed", pairs);
    }

    /// Takes the first pair, then the next whose trades are still there, and so on.
    fn greedy<R: Ord>(&mut self, tier: &str, mut pairs: Vec<(R, Trade, Trade)>) {
        pairs.sort_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| (content(&a.1), content(&a.2)).cmp(&(content(&b.1), content(&b.2))))
        });
        for (_, left, right) in pairs {
            if self.left[0].contains(&left) && self.left[1].contains(&right) {
                self.pair(tier, &left, &right, None);
            }
        }
    }

    fn identifier(&mut self, field: Field) {
        for (identifier, [lefts, rights]) in self.groups(|trade| values(trade, &[field])) {
            let pairs = lefts.iter().flat_map(|left| rights.iter().map(move |right| (left, right)));
            let fewest = |(left, right): &(&Trade, &Trade)| {
                (self.leg.differences(left, right).len(), content(left), content(right))
            };
            let best = match pairs.min_by_key(fewest) {
                Some((left, right)) => [Some(left), Some(right)],
                None => [lefts.first(), rights.first()],
            };
            for (side, trades) in [&lefts, &rights].into_iter().enumerate() {
                for trade in trades.iter().filter(|trade| Some(*trade) != best[side]) {
                    let name = format!("duplicate_{}", self.leg.sides[side]);
                    self.take(trade, Fate::Duplicate);
                    self.broken(&name, None, Severity::High, trade, best[side], [String::new(), String::new()]);
                }
            }
            if let [Some(left), Some(right)] = best {
                let [Value::Symbol(identifier)] = identifier[..] else { panic!("identifiers are symbols") };
                let allocations = self.allocation_break(identifier);
                self.pair("identifier", left, right, allocations);
            }
        }
    }

    /// The type and both texts of the break of the allocations under an identifier.
    fn allocation_break(&self, identifier: Symbol) -> Option<[String; 3]> {
        let sides = self.allocations.each_ref().map(|allocations| {
            let mut accounts: BTreeMap<String, i128> = BTreeMap::new();
            for allocation in allocations.iter().filter(|allocation| allocation.trade == identifier) {
                *accounts.entry(symbol_text(allocation.account, self.dictionary)).or_default() +=
                    allocation.quantity.scaled().unwrap_or(0);
            }
            accounts
        });
        if sides[0] == sides[1] || sides.iter().any(BTreeMap::is_empty) {
            return None;
        }
        let kind = if sides[0].keys().eq(sides[1].keys()) {
            "allocation_quantity_mismatch"
        } else {
            "allocation_account_mismatch"
        };
        let text = |accounts: &BTreeMap<String, i128>| {
            let one = |(account, quantity): (&String, &i128)| {
                format!("{account}={}", Value::Number { scaled: *quantity, scale: Quantity::SCALE })
            };
            accounts.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        Some([kind.to_owned(), text(&sides[0]), text(&sides[1])])
    }

    /// First those that are equal in all that is compared, then the others in their order.
    fn economics(&mut self, fields: &[Field]) {
        for [lefts, mut rights] in self.groups(|trade| values(trade, fields)).into_values() {
            let compared =
                |trade: &Trade| self.leg.compare.iter().map(|(field, _)| trade.value(*field)).collect::<Vec<_>>();
            let (mut pairs, mut others) = (Vec::new(), Vec::new());
            for left in lefts {
                match rights.iter().position(|right| compared(right) == compared(&left)) {
                    Some(place) => pairs.push((left, rights.remove(place))),
                    None => others.push(left),
                }
            }
            pairs.extend(others.into_iter().zip(rights));
            for (left, right) in pairs {
                self.pair("economics", &left, &right, None);
            }
        }
    }

    fn tolerance(&mut self, by: &[Field], side_max: usize) {
        let mut pairs = Vec::new();
        for [lefts, rights] in self.groups(|trade| values(trade, by)).into_values() {
            assert!(lefts.len().max(rights.len()) <= side_max, "capped blocks have tests of their own");
            for left in &lefts {
                for right in rights
                    .iter()
                    .filter(|right| are_compatible(&[left, right]) && self.leg.differences(left, right).is_empty())
                {
                    pairs.push((self.leg.distance(left, right), left.clone(), right.clone()));
                }
            }
        }
        self.greedy("tolerance", pairs);
    }

    fn scored(&mut self, tier: usize, records: &[Record]) {
        let id = Symbol::of(&format!("{}/{tier}", self.leg.reconciliation));
        let model = records.iter().find_map(|record| {
            if let Record::Model(model) = record
                && model.id == id
            {
                Some(model)
            } else {
                None
            }
        });
        let Some(Ok(model)) = model.map(|model| Model::from_json(&model.text)) else { return };
        let scorer = Scorer::new(model).unwrap();
        let [lefts, rights] = self.left.clone();
        // Ids that are ordered as the trades are, for equal scores.
        let prepare = |trades: &[Trade], side| -> Vec<Prepared> {
            let prepared = |(rank, trade)| {
                let fields = TradeFields { trade, dictionary: self.dictionary };
                Prepared::new(&scorer, Symbol::of(&format!("{rank:06}")), &fields, side)
            };
            trades.iter().enumerate().map(prepared).collect()
        };
        let [prepared_lefts, prepared_rights] = [prepare(&lefts, Side::Left), prepare(&rights, Side::Right)];
        let matching = match_lists(&scorer, &prepared_lefts, &prepared_rights);
        for chosen in matching.chosen {
            let (left, right) = (&lefts[chosen.left], &rights[chosen.right]);
            let explained =
                scorer.explain(&prepared_lefts[chosen.left].features, &prepared_rights[chosen.right].features);
            let evidence = explained.iter().map(|one| {
                let (left_value, right_value) = (left.value(one.field), right.value(one.field));
                let agrees = left_value == right_value && !left_value.is_none();
                self.evidence(one.field, left, right, agrees, Some(one.weight))
            });
            let evidence: Vec<String> = evidence.collect();
            let bits = |scaled: i64| Value::Number { scaled: i128::from(scaled), scale: 3 }.to_string();
            let margin = bits(scorer.margin(chosen.fit.score, chosen.runner_up));
            let score = bits(chosen.fit.score);
            if chosen.verdict != Verdict::Match {
                self.matched("scored", left, right, ["review", &score, &margin], &evidence);
                continue;
            }
            self.pair("scored", left, right, None);
            self.found.matches.pop();
            self.matched("scored", left, right, ["matched", &score, &margin], &evidence);
        }
    }

    fn aggregate(&mut self, by: &[Field]) {
        for [lefts, rights] in self.groups(|trade| values(trade, by)).into_values() {
            let all: Vec<&Trade> = lefts.iter().chain(&rights).collect();
            let sides = [&lefts, &rights].map(|side| totals(side));
            let [Some(left), Some(right)] = sides else { continue };
            let agree =
                |field, values: [Value; 2]| self.leg.agree(field, self.leg.authority(field), &lefts[0], &values);
            let quantity = |total: &[i128; 2]| Value::Number { scaled: total[0], scale: 6 };
            let price = |total: &[i128; 2]| Value::Number { scaled: rounded(total[1], total[0]), scale: 8 };
            let fits = are_compatible(&all)
                && agree(Field::Quantity, [quantity(&left), quantity(&right)])
                && agree(Field::Price, [price(&left), price(&right)]);
            if !fits {
                continue;
            }
            let links =
                rights.iter().map(|right| (&lefts[0], right)).chain(lefts[1..].iter().map(|left| (left, &rights[0])));
            for (left, right) in links {
                let differences = self.leg.differences(left, right);
                let evidence: Vec<String> = self
                    .leg
                    .compare
                    .iter()
                    .map(|(field, _)| {
                        let agrees = differences.iter().all(|difference| difference.field != *field);
                        self.evidence(*field, left, right, agrees, None)
                    })
                    .collect();
                self.matched("aggregate", left, right, ["matched", "", ""], &evidence);
            }
            all.into_iter().for_each(|trade| self.take(trade, Fate::Matched));
        }
    }

    fn missing(&mut self) {
        for side in 0..2 {
            let name = format!("missing_{}", self.leg.sides[1 - side]);
            for trade in self.left[side].clone() {
                self.take(&trade, Fate::Missing);
                self.broken(&name, None, Severity::High, &trade, None, [String::new(), String::new()]);
            }
        }
    }
}

/// The sum of quantities, and of quantities times prices; `None` if one is not known, or all sum to nothing.
fn totals(trades: &[Trade]) -> Option<[i128; 2]> {
    let mut totals = [0, 0];
    for trade in trades {
        totals[0] += trade.quantity.scaled()?;
        totals[1] += trade.quantity.scaled()? * trade.price.scaled()?;
    }
    (totals[0] != 0).then_some(totals)
}

/// a / b rounded half away from zero; both are positive here.
fn rounded(a: i128, b: i128) -> i128 {
    assert!(a >= 0 && b > 0);
    (2 * a + b) / (2 * b)
}

/// The identity that a break keeps for ever: it is stored in cases and tickets, so it must never be made otherwise.
fn break_id(leg: &Leg, kind: &str, source: &str, id: Symbol) -> String {
    let name = format!("{}\0{}\0{kind}\0{source}\0", leg.reconciliation, leg.sides[1]);
    let hash = blake3::hash(&[name.as_bytes(), &id.bytes()].concat());
    hash.as_bytes()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
