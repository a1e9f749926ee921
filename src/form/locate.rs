//! From a fault's FHIRPath back to its line and column: a second pass, only when there is a fault.

use neuvola_fhir::{LineColumn, Node};

use crate::issue::Issue;

/// Gives every issue that names a place in `document` its line and column: the element's own, or for what is missing that of
/// what should hold it.
pub fn locate(document: &[u8], node: &Node<'_>, issues: &mut [Issue]) {
    let is_wanted = |issue: &Issue| issue.position.is_none() && !issue.place.is_empty();
    let mut offsets: Vec<(usize, usize)> = (0..issues.len())
        .filter(|&index| is_wanted(&issues[index]))
        .filter_map(|index| Some((offset(node, &issues[index].place)?, index)))
        .collect();
    offsets.sort_unstable();
    // lines are counted once for all of them
    let (mut here, mut counted) = (LineColumn::of(document, 0), 0);
    for (offset, index) in offsets {
        here = here.past(document.get(counted..offset).unwrap_or_default());
        counted = offset;
        issues[index].position = Some(here);
    }
}

/// `None` too for a place in a resource of another type.
fn offset(node: &Node<'_>, place: &str) -> Option<usize> {
    let root = place.split(['.', '[']).next().unwrap_or_default();
    if root.starts_with(char::is_uppercase) && node.text("resourceType").is_some_and(|kind| kind != root) {
        return None;
    }
    let mut here = node;
    for step in place.split('.').skip(1) {
        let (name, indexes) = step.split_once('[').map_or((step, ""), |(name, rest)| (name, rest));
        let member = here.member(name).or_else(|| {
            // `value` is what JSON calls `valueInteger`
            (name == "value").then(|| here.members().iter().find(|(known, _)| known.starts_with("value")).map(|(_, node)| node))?
        });
        let Some(found) = member else { break };
        here = found;
        if let Some(index) = indexes.strip_suffix(']').and_then(|index| index.parse::<usize>().ok()) {
            let Some(found) = here.elements().get(index) else { break };
            here = found;
        }
    }
    Some(here.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_leads_to_its_line_and_column() {
        let document = b"{\"item\": [\n {\"linkId\": \"a\", \"answer\": [{\"valueInteger\": 3}]}\n]}";
        let node = neuvola_fhir::read(document).expect("well-formed");
        let mut issues = [
            Issue::error("value", "too-low", "QuestionnaireResponse.item[0].answer[0].value", ""),
            Issue::error("required", "missing-answer", "QuestionnaireResponse.item[0].item[4]", ""),
        ];
        locate(document, &node, &mut issues);
        let positions: Vec<_> = issues.iter().filter_map(|issue| issue.position).map(|it| (it.line, it.column)).collect();
        assert_eq!(positions, [(2, 46), (2, 2)]);
    }
}
