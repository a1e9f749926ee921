#!/usr/bin/env python3
"""Writes profiles/*.json from profiles/source/*.toml and source/structure/*.json.

    python3 profiles/source/build.py           write
    python3 profiles/source/build.py --check   write nothing; exit 1 naming files that differ or are stale

Python 3.11, standard library only. Grammar: profiles/README.md.
"""
import base64
import json
import re
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE.parent
BASE = "https://neuvola-adapter.example/fhir"
VERSION = "1.0.0"
HL7 = "http://hl7.org/fhir/StructureDefinition/"
TRANSLATION = HL7 + "translation"
DECLINED_SYSTEM = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
DECLINED = {"fi": "En halua vastata", "sv": "Jag vill inte svara", "en": "I prefer not to answer"}
UCUM = "http://unitsofmeasure.org"
LANGS = ("fi", "sv", "en")
SAMPLE = {
    "fi": "Uskottava malli, ei minkään hyvinvointialueen todellinen sisältö tai sääntö.",
    "sv": "En trovärdig modell, inte något välfärdsområdes verkliga innehåll eller regel.",
    "en": "A plausible sample, not the real content or rule of any wellbeing services county.",
}
TYPES = {"boolean", "decimal", "integer", "date", "dateTime", "string", "text", "choice", "open-choice",
         "quantity", "display", "group"}
BEHAVIOUR = {"must", "must-unless-documented", "could"}
ROLES = {"child": ["child", "professional-child"], "parent": ["parent", "professional-parent"],
         "expecting": ["expecting", "professional-expecting"]}
KEYS = {  # what each table may hold; anything else is a typing mistake
    "form": {"form", "title", "questionnaire", "rules", "observation"},
    "questionnaire": {"role", "title", "item"},
    "item": {"linkId", "group", "type", "text", "scale", "valueSet", "required", "declinable", "repeats", "maxLength",
             "minLength", "minValue", "maxValue", "unit", "emptyMeansNone", "enableWhen", "enableBehavior"},
    "enableWhen": {"question", "operator", "code", "system", "integer", "boolean", "decimal", "date", "string"},
    "rules": {"role", "required", "variables", "segment", "alert", "service"},
    "variable": {"name", "expression"},
    "segment": {"code", "sentence", "condition", "guidance", "services"},
    "alert": {"code", "sentence", "condition", "guidance"},
    "observation": {"code", "sentence", "condition", "guidance"},
    "service": {"activity", "sentence", "condition", "count", "minutes"},
    "offered": {"id", "sentence", "condition", "count", "minutes"},
    "shared": {"scale", "codes", "valueset", "unit", "segment", "alert", "service", "observation"},
    "scale.*": {"title", "option"}, "codes.*": {"title", "option"}, "valueset.*": {"title", "system", "option"},
    "unit.*": {"code", *LANGS}, "segment.*": {"title", "definition", "guidance"},
    "alert.*": {"title", "definition", "guidance"}, "observation.*": {"title", "definition", "guidance"},
    "service.*": {"title", "description", "count", "duration", "frequency", "period", "periodUnit", "guidance"},
    "option": {"code", "weight", "definition", *LANGS},
    "vendor": {"vendor", "form", "title", "source", "fields", "declined", "field", "options"},
}


SYSTEM = {"observation": "family-observation"}  # the code system of each kind of rule, where it has another name


class Refused(Exception):
    """A defect in a source file: message names file and entry."""


def refuse(where, why):
    raise Refused(f"{where}: {why}")


def keys(where, kind, table):
    for k in sorted(set(table) - KEYS[kind]):
        refuse(where, f"unknown key `{k}`")


def texts(where, t):
    """Checks that a text is there in every language, and trims it."""
    if not isinstance(t, dict):
        refuse(where, "text in fi, sv and en expected")
    for lang in LANGS:
        if not str(t.get(lang) or "").strip():
            refuse(where, f"translation `{lang}` is missing")
    return {lang: t[lang].strip() for lang in LANGS}


# ---- small FHIR builders

def translations(t, langs=LANGS[1:]):
    return {"extension": [{"url": TRANSLATION, "extension": [
        {"url": "lang", "valueCode": lang}, {"url": "content", "valueString": t[lang]}]} for lang in langs]}


def put(res, key, t):
    """Finnish in `key`, Swedish and English in `_key`."""
    res[key] = t["fi"]
    res["_" + key] = translations(t)


def coding(system, code, t):
    c = {"system": system, "code": code}
    put(c, "display", t)
    return c


def cs(name):
    return f"{BASE}/CodeSystem/{name}"


def canonical(kind, name):
    return f"{BASE}/{kind}/{name}|{VERSION}"


def camel(name):
    return "".join(p.capitalize() for p in re.split(r"[-.]", name))


def head(kind, name, title, description, suffix=""):
    res = {"resourceType": kind, "id": name, "language": "fi", "url": f"{BASE}/{kind}/{name}", "version": VERSION,
           "name": camel(name) + suffix}
    put(res, "title", title)
    res.update(status="active", experimental=True, date="2026-11-01", publisher="neuvola-adapter (sample)")
    put(res, "description", {lang: f"{description[lang]} {SAMPLE[lang]}" for lang in LANGS})
    return res


def order(res, first):
    """Moves keys forward to where R4 has them; JSON needs no order, readers do."""
    done = {k: res[k] for k in first if k in res}
    return {**done, **{k: v for k, v in res.items() if k not in done}}


# ---- shared: code systems, value sets, services, guidance

def read(path):
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as e:
        refuse(path.name, str(e))


def read_shared():
    merged = {k: {} for k in KEYS["shared"]}
    for path in sorted(HERE.glob("shared*.toml")):
        doc = read(path)
        keys(path.name, "shared", doc)
        for kind, entries in doc.items():
            for name, entry in entries.items():
                where = f"{path.name}: {kind}.{name}"
                if name in merged[kind]:
                    refuse(where, "is defined twice")
                keys(where, kind + ".*", entry)
                if "title" in KEYS[kind + ".*"]:
                    entry["title"] = texts(f"{where}.title", entry.get("title"))
                for key in ("definition", "description", "guidance"):
                    if key in KEYS[kind + ".*"]:
                        entry[key] = texts(f"{where}.{key}", entry.get(key))
                if kind == "unit":
                    texts(where, entry)
                seen = set()
                for o in entry.get("option", []):
                    at = f"{where}.option[{o.get('code')}]"
                    keys(at, "option", o)
                    texts(at, o)
                    if "definition" in o:
                        o["definition"] = texts(f"{at}.definition", o["definition"])
                    if o["code"] in seen:
                        refuse(at, "is there twice")
                    seen.add(o["code"])
                merged[kind][name] = entry
    return merged


def code_system(name, title, concepts):
    t = {lang: title[lang] + "." for lang in LANGS}
    res = head("CodeSystem", name, title, t, "Codes")
    res.update(caseSensitive=True, valueSet=f"{BASE}/ValueSet/{name}", content="complete", count=len(concepts))
    if any("weight" in c for c in concepts):
        res["property"] = [{"code": "weight", "description": "Vastauksen paino summassa", "type": "decimal"}]
    res["concept"] = []
    for c in concepts:
        one = {}
        if "weight" in c:
            one["extension"] = [{"url": HL7 + "ordinalValue", "valueDecimal": c["weight"]}]
        one.update(code=c["code"], display=c["fi"])
        if "definition" in c:
            put(one, "definition", c["definition"])
        one["designation"] = [{"language": lang, "value": c[lang]} for lang in LANGS[1:]]
        if "weight" in c:
            one["property"] = [{"code": "weight", "valueDecimal": c["weight"]}]
        res["concept"].append(one)
    vs = head("ValueSet", name, title, t, "Values")
    vs["compose"] = {"include": [{"system": cs(name)}]}
    return [res, vs]


def library(name, title, text):
    res = head("Library", name, title, {"fi": "Ohje ammattilaiselle.", "sv": "Anvisning för den yrkesutbildade.",
                                        "en": "Guidance for the professional."}, "Guidance")
    res["type"] = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type",
                               "code": "asset-collection"}]}
    res["content"] = [{"contentType": "text/markdown", "language": lang,
                       "data": base64.b64encode((text[lang] + "\n").encode()).decode(), "title": title[lang]}
                      for lang in LANGS]
    return order(res, ["resourceType", "id", "language", "url", "version", "name", "title", "_title", "status",
                       "experimental", "type"])


def activity(name, s):
    res = head("ActivityDefinition", name, s["title"], s["description"], "Service")
    # the description goes into the family's plan: that this is a sample stands beside it, in `purpose`
    put(res, "description", s["description"])
    put(res, "purpose", SAMPLE)
    res["relatedArtifact"] = [documentation(f"service-{name}")]
    res["kind"] = "ServiceRequest"
    res["code"] = {"coding": [coding(cs("service"), name, s["title"])]}
    repeat = {"count": s["count"], "duration": s["duration"], "durationUnit": "min"}
    repeat.update({k: s[k] for k in ("frequency", "period", "periodUnit") if k in s})
    res["timingTiming"] = {"repeat": repeat}
    return res


def documentation(lib):
    return {"type": "documentation", "resource": canonical("Library", lib)}


def shared_resources(sh, forms):
    for kind in ("scale", "codes"):
        for name, s in sh[kind].items():
            yield from code_system(name, s["title"], s["option"])
    for kind, title in (("segment", {"fi": "Asiakkuussegmentit", "sv": "Klientsegment", "en": "Client segments"}),
                        ("alert", {"fi": "Hälytteet ammattilaiselle", "sv": "Larm till den yrkesutbildade",
                                   "en": "Alerts for the professional"}),
                        ("service", {"fi": "Neuvolan palvelut", "sv": "Rådgivningens tjänster",
                                     "en": "Services of the clinic"}),
                        ("observation", {"fi": "Havainnot perheestä, vain ammattilaiselle",
                                         "sv": "Iakttagelser om familjen, endast för den yrkesutbildade",
                                         "en": "Observations about the family, for the professional only"})):
        yield from code_system(SYSTEM.get(kind, kind), title, [
            {"code": name, **e["title"], "definition": e.get("definition") or e["description"]}
            for name, e in sh[kind].items()])
        for name, e in sh[kind].items():
            yield library(f"{kind}-{name}", e["title"], e["guidance"])
    yield from code_system("form", {"fi": "Lomakkeet", "sv": "Blanketter", "en": "Forms"},
                           [{"code": f["form"], **f["title"]} for f in forms])
    for name, s in sh["service"].items():
        yield activity(name, s)
    for name, v in sh["valueset"].items():
        res = head("ValueSet", name, v["title"], {lang: v["title"][lang] + "." for lang in LANGS}, "Values")
        res["compose"] = {"include": [{"system": v["system"], "concept": [
            # another's system keeps its own (English) display, as the validator compares; ours are designations
            {"code": o["code"], "display": o["en"],
             "designation": [{"language": lang, "value": o[lang]} for lang in LANGS]} for o in v["option"]]}]}
        yield res


# ---- forms: Questionnaires

def questionnaire(where, form, q, sh):
    keys(where, "questionnaire", q)
    role = q["role"]
    if role not in {o["code"] for o in sh["codes"]["form-role"]["option"]}:
        refuse(where, f"unknown role `{role}`")
    title = texts(f"{where}.title", q.get("title"))
    res = head("Questionnaire", f"{form['form']}-{role}", title, {lang: title[lang] + "." for lang in LANGS})
    res["subjectType"] = ["Patient"]
    res["effectivePeriod"] = {"start": "2026-01-01"}
    role_text = next(o for o in sh["codes"]["form-role"]["option"] if o["code"] == role)
    res["code"] = [coding(cs("form"), form["form"], form["title"]), coding(cs("form-role"), role, role_text)]
    res["item"] = []
    sources, built = {}, {}
    for source in q.get("item", []):
        at = f"{where}: item `{source.get('linkId')}`"
        keys(at, "item", source)
        if source["linkId"] in built:
            refuse(at, "linkId is there twice")
        one = item(at, source, sources, sh)
        sources[source["linkId"]], built[source["linkId"]] = source, one
        parent = source.get("group")
        if parent is None:
            res["item"].append(one)
        elif parent in built:
            built[parent].setdefault("item", []).append(one)
        else:
            refuse(at, f"group `{parent}` must come before")
    for link, one in built.items():
        if one["type"] == "group" and not one.get("item"):
            refuse(f"{where}: item `{link}`", "group is empty")
    for one in res["item"]:
        demanded(one)
    return res, sources


def demanded(one):
    """Whether every response must hold this item; a group around such an item is made `required`.

    R4 demands nothing inside a group that is left out, so the group must be demanded itself."""
    inside = [demanded(sub) for sub in one.get("item", [])]
    if "enableWhen" in one:
        return False
    if one["type"] == "group" and not one.get("repeats") and any(inside):
        one.update(required=True, item=one.pop("item"))
    return one.get("required", False)


def item(at, s, before, sh):
    kind = s.get("type")
    if kind not in TYPES:
        refuse(at, f"unknown type `{kind}`")
    ext = []
    if "minLength" in s:
        ext.append({"url": HL7 + "minLength", "valueInteger": s["minLength"]})
    for key in ("minValue", "maxValue"):
        if key in s:
            if kind not in ("integer", "decimal", "date"):
                refuse(at, f"`{key}` goes with integer, decimal and date")
            value = s[key].isoformat() if kind == "date" and not isinstance(s[key], str) else s[key]
            ext.append({"url": HL7 + key, "value" + kind.capitalize(): value})
    if "unit" in s:
        if s["unit"] not in sh["unit"]:
            refuse(at, f"unknown unit `{s['unit']}`")
        u = sh["unit"][s["unit"]]
        name = "questionnaire-unitOption" if kind == "quantity" else "questionnaire-unit"
        ext.append({"url": HL7 + name, "valueCoding": coding(UCUM, u["code"], u)})
    elif kind == "quantity":
        refuse(at, "quantity needs `unit`")
    if s.get("emptyMeansNone"):
        ext.append({"url": f"{BASE}/StructureDefinition/empty-means-none", "valueBoolean": True})
    one = {"extension": ext} if ext else {}
    one["linkId"] = s["linkId"]
    put(one, "text", texts(f"{at}.text", s.get("text")))
    one["type"] = kind
    if "enableWhen" in s:
        one["enableWhen"] = [enable_when(at, w, before, sh) for w in s["enableWhen"]]
        if len(one["enableWhen"]) > 1:
            one["enableBehavior"] = s.get("enableBehavior") or refuse(at, "`enableBehavior` is missing")
    if kind in ("group", "display") and "required" in s:
        refuse(at, "`required` goes with questions; a group has it from what it holds")
    for key in ("required", "repeats"):
        if key in s:
            one[key] = s[key]
    if "maxLength" in s:
        one["maxLength"] = s["maxLength"]
    if kind in ("choice", "open-choice"):
        if ("scale" in s) == ("valueSet" in s):
            refuse(at, "choice needs either `scale` or `valueSet`")
        if "valueSet" in s:
            if s["valueSet"] not in sh["valueset"] or s.get("declinable"):
                refuse(at, f"unknown valueSet `{s['valueSet']}`, or declinable with a valueSet")
            one["answerValueSet"] = canonical("ValueSet", s["valueSet"])
        else:
            if s["scale"] not in sh["scale"]:
                refuse(at, f"unknown scale `{s['scale']}`")
            one["answerOption"] = [option(s["scale"], o) for o in sh["scale"][s["scale"]]["option"]]
            if s.get("declinable"):
                # HL7's own code keeps HL7's display (the validator compares); all our words are translations of it
                one["answerOption"].append({"valueCoding": {
                    "system": DECLINED_SYSTEM, "code": "asked-declined", "display": "Asked But Declined",
                    "_display": translations(DECLINED, LANGS)}})
    elif {"scale", "valueSet", "declinable"} & set(s):
        refuse(at, "`scale`, `valueSet` and `declinable` go with choice")
    return one


def option(scale, o):
    value = coding(cs(scale), o["code"], o)
    if "weight" in o:
        value = {"extension": [{"url": HL7 + "ordinalValue", "valueDecimal": o["weight"]}], **value}
    return {"valueCoding": value}


def enable_when(at, w, before, sh):
    keys(f"{at}.enableWhen", "enableWhen", w)
    q = before.get(w["question"]) or refuse(at, f"enableWhen: question `{w['question']}` must come before")
    one = {"question": w["question"], "operator": w.get("operator", "=")}
    if "code" in w:
        scale = w.get("system") or q.get("scale")
        codes = {o["code"] for o in sh["scale"].get(scale, {"option": []})["option"]}
        if scale != q.get("scale") or w["code"] not in codes:
            refuse(at, f"enableWhen: `{w['code']}` is no answer of `{w['question']}`")
        one["answerCoding"] = {"system": cs(scale), "code": w["code"]}
    else:
        key = next((k for k in ("integer", "boolean", "decimal", "date", "string") if k in w),
                   None) or refuse(at, "enableWhen: no answer to compare with")
        one["answer" + key.capitalize()] = w[key]
    return one


# ---- forms: rules

def plan_definition(where, form, sh, items):
    title = form["title"]
    res = head("PlanDefinition", form["form"], title, {
        "fi": f"{title['fi']}: säännöt asiakkuuden ja palvelujen ehdottamiseen.",
        "sv": f"{title['sv']}: regler för förslag om segment och tjänster.",
        "en": f"{title['en']}: rules that propose a segment and services."}, "Rules")
    res["effectivePeriod"] = {"start": "2026-01-01"}
    res["topic"] = [{"coding": [coding(cs("form"), form["form"], title)]}]
    res["relatedArtifact"] = [{"type": "depends-on", "resource": canonical("Questionnaire", f"{form['form']}-{r}")}
                              for r in items]
    res["action"] = [role_action(f"{where}: rules[{r.get('role')}]", r, sh, items) for r in form["rules"]]
    if "observation" in form:
        res["action"].append(family_action(where, form, sh, items))
    ids = [i for a in res["action"] for i in action_ids(a)]
    for i in ids:
        if ids.count(i) > 1:
            refuse(where, f"two actions are called `{i}`")
    return res


def action_ids(a):
    yield a["id"]
    for sub in a.get("action", []):
        yield from action_ids(sub)


def role_action(where, r, sh, items):
    keys(where, "rules", r)
    role = r["role"]
    if role not in ROLES or role not in items:
        refuse(where, "no such person role in this form")
    if r.get("required") not in BEHAVIOUR:
        refuse(where, f"`required` is one of {sorted(BEHAVIOUR)}")
    scope = Scope(items.get(role, {}), items.get("professional-" + role, {}), sh)
    act = {"id": role, "extension": []}
    for v in r.get("variables", []):
        keys(where, "variable", v)
        scope.check(f"{where}: variable `{v['name']}`", v["expression"])
        scope.variables.add(v["name"])
        act["extension"].append({"url": f"{BASE}/StructureDefinition/rule-variable", "valueExpression": {
            "name": v["name"], "language": "text/fhirpath", "expression": v["expression"]}})
    if not act["extension"]:
        del act["extension"]
    t = next(o for o in sh["codes"]["form-role"]["option"] if o["code"] == role)
    put(act, "title", t)
    put(act, "description", texts(f"{where}: codes.form-role.{role}.definition", t.get("definition")))
    act["code"] = rule_code("role", "form-role", role, t, sh)
    act["requiredBehavior"] = r["required"]
    act["action"] = []
    segments = r.get("segment", [])
    if [s["code"] for s in segments][-1:] != ["clinical-review"]:
        refuse(where, "the last segment must be `clinical-review`")
    for n, s in enumerate(segments):
        at = f"{where}: segment `{s['code']}`"
        keys(at, "segment", s)
        if ("condition" in s) == (n == len(segments) - 1):
            refuse(at, "every segment but the last has a condition")
        one = rule(at, f"{role}.segment.{s['code']}", "segment", s["code"], s, sh, scope)
        nested = [offered(at, one["id"], o, sh, scope) for o in s.get("services", [])]
        if nested:
            one["action"] = nested
        act["action"].append(one)
    for a in r.get("alert", []):
        at = f"{where}: alert `{a['code']}`"
        keys(at, "alert", a)
        if "condition" not in a:
            refuse(at, "condition is missing")
        act["action"].append(rule(at, f"{role}.alert.{a['code']}", "alert", a["code"], a, sh, scope))
    for s in r.get("service", []):
        at = f"{where}: service `{s['activity']}`"
        keys(at, "service", s)
        if "condition" not in s:
            refuse(at, "condition is missing")
        act["action"].append(service(at, f"{role}.service.{s['activity']}", s["activity"], s, sh, scope))
    return act


def family_action(where, form, sh, items):
    """The family view: for professionals only, over all responses of a submission."""
    kind = next(o for o in sh["codes"]["rule-kind"]["option"] if o["code"] == "family")
    act = {"id": "family"}
    put(act, "title", kind)
    put(act, "description", texts(f"{where}: codes.rule-kind.family.definition", kind.get("definition")))
    act["code"] = [{"coding": [coding(cs("rule-kind"), "family", kind)]}]
    act["action"] = []
    for o in form["observation"]:
        at = f"{where}: observation `{o.get('code')}`"
        keys(at, "observation", o)
        if "condition" not in o:
            refuse(at, "condition is missing")
        act["action"].append(rule(at, f"family.{o['code']}", "observation", o["code"], o, sh, FamilyScope(form, items)))
    return act


class FamilyScope:
    """What an observation may name: linkIds and Questionnaires of the form, and `%family`."""

    def __init__(self, form, items):
        self.form, self.items = form, items

    def check(self, at, expression):
        if expression.count("(") != expression.count(")"):
            refuse(at, "parentheses do not match")
        known = {link for role in self.items.values() for link in role}
        for one, several in re.findall(r"linkId\s*(?:=\s*'([^']*)'|in\s*\(([^)]*)\))", expression):
            for link in [one] if one else re.findall(r"'([^']*)'", several):
                if link not in known:
                    refuse(at, f"condition names unknown linkId `{link}`")
        for name in re.findall(r"/Questionnaire/([\w-]+)", expression):
            if not any(f"{self.form['form']}-{role}".startswith(name) for role in self.items):
                refuse(at, f"condition names unknown Questionnaire `{name}`")
        for name in re.findall(r"%(\w+)", expression):
            if name != "family":
                refuse(at, f"condition names `%{name}`: a family view reads `%family` only")


def rule_code(kind, system, code, t, sh):
    k = next(o for o in sh["codes"]["rule-kind"]["option"] if o["code"] == kind)
    return [{"coding": [coding(cs("rule-kind"), kind, k), coding(cs(system), code, t)]}]


def rule(at, ident, kind, code, s, sh, scope):
    if code not in sh[kind]:
        refuse(at, f"unknown {kind} `{code}`")
    one = {"id": ident}
    put(one, "title", sh[kind][code]["title"])
    put(one, "description", texts(f"{at}.sentence", s.get("sentence")))
    one["code"] = rule_code(kind, SYSTEM.get(kind, kind), code, sh[kind][code]["title"], sh)
    lib = s.get("guidance", f"{kind}-{code}")
    if kind != "observation" and lib.startswith("observation-"):
        refuse(at, "guidance of the family view stays with it")
    group, _, name = lib.partition("-")
    if name not in sh.get(group, {}):
        refuse(at, f"unknown guidance `{lib}`")
    one["documentation"] = [documentation(lib)]
    if "condition" in s:
        scope.check(at, s["condition"])
        one["condition"] = applicability(s["condition"])
    return one


def offered(at, parent, o, sh, scope):
    if isinstance(o, str):
        o = {"id": o}
    keys(at, "offered", o)
    return service(f"{at}: service `{o['id']}`", f"{parent}.{o['id']}", o["id"], o, sh, scope)


def service(at, ident, name, s, sh, scope):
    if name not in sh["service"]:
        refuse(at, f"unknown service `{name}`")
    known = sh["service"][name]
    one = {"id": ident}
    put(one, "title", known["title"])
    if "condition" in s and "sentence" not in s:
        refuse(at, "a condition needs its sentence")
    put(one, "description", texts(f"{at}.sentence", s["sentence"]) if "sentence" in s else known["description"])
    one["code"] = rule_code("service", "service", name, known["title"], sh)
    one["documentation"] = [documentation(f"service-{name}")]
    if "condition" in s:
        scope.check(at, s["condition"])
        one["condition"] = applicability(s["condition"])
    one["definitionCanonical"] = canonical("ActivityDefinition", name)
    dynamic = []
    for key, path in (("count", "timing.repeat.count"), ("minutes", "timing.repeat.duration")):
        if key in s:
            scope.check(at, s[key])
            dynamic.append({"path": path, "expression": {"language": "text/fhirpath", "expression": s[key]}})
    if dynamic:
        one["dynamicValue"] = dynamic
    return one


def applicability(expression):
    return [{"kind": "applicability", "expression": {"language": "text/fhirpath", "expression": expression}}]


class Scope:
    """What a condition may name: linkIds and codes of the person's two Questionnaires, and variables."""
    PATH = re.compile(r"(%professional\.)?descendants\(\)\.where\(linkId\s*(?:=\s*'([^']*)'|in\s*\(([^)]*)\))\)"
                      r"\.answer\.value(?:\.code\s*(?:(?:!=|=)\s*'([^']*)'|in\s*\(([^)]*)\))"
                      r"|\.where\(code\s*=\s*'([^']*)'\))?")

    def __init__(self, own, professional, sh):
        self.own, self.professional, self.sh, self.variables = own, professional, sh, set()

    def check(self, at, expression):
        if expression.count("(") != expression.count(")"):
            refuse(at, "parentheses do not match")
        for m in self.PATH.finditer(expression):
            items = self.professional if m[1] else self.own
            links = [m[2]] if m[2] else re.findall(r"'([^']*)'", m[3] or "")
            codes = [c for c in (m[4], m[6]) if c] + re.findall(r"'([^']*)'", m[5] or "")
            for link in links:
                if link not in items:
                    refuse(at, f"condition names unknown linkId `{link}`")
                known = {o["code"] for o in self.sh["scale"].get(items[link].get("scale"), {"option": []})["option"]}
                for code in codes:
                    if code not in known:
                        refuse(at, f"condition names `{code}`, no answer of `{link}`")
        if self.PATH.sub("", expression).count("linkId"):
            refuse(at, "condition reaches answers in a way that is not in the dialect")
        for name in re.findall(r"%(\w+)", expression):
            if name not in self.variables | {"professional", "resource"}:
                refuse(at, f"condition names unknown variable `%{name}`")


def form_resources(path, form, sh):
    keys(path.name, "form", form)
    items = {}
    for q in form["questionnaire"]:
        res, sources = questionnaire(f"{path.name}: {q.get('role')}", form, q, sh)
        if q["role"] in items:
            refuse(path.name, f"role `{q['role']}` is there twice")
        items[q["role"]] = sources
        yield res
    yield plan_definition(path.name, form, sh, items)


# ---- a vendor's form

def concept_map(path, sh, forms):
    v = read(path)
    keys(path.name, "vendor", v)
    form = next((f for f in forms if f["form"] == v["form"]), None) or refuse(path.name, f"no form `{v['form']}`")
    title = texts(f"{path.name}: title", v.get("title"))
    res = head("ConceptMap", f"{v['vendor']}-{v['form']}", title, {lang: title[lang] + "." for lang in LANGS}, "Map")
    res["sourceUri"] = v["source"]
    first, second, used = [], [], set()
    for q in form["questionnaire"]:
        if q["role"].startswith("professional"):
            continue
        fields = v["field"].get(q["role"]) or refuse(path.name, f"no fields for role `{q['role']}`")
        by_link = {i["linkId"]: i for i in q["item"]}
        url = f"{BASE}/Questionnaire/{v['form']}-{q['role']}"
        first.append({"source": v["fields"], "target": url, "targetVersion": VERSION, "element": [
            same(field, link) for field, link in fields.items()]})
        for field, link in fields.items():
            at = f"{path.name}: {q['role']}.{field}"
            i = by_link.get(link) or refuse(at, f"unknown linkId `{link}`")
            if field in used:
                refuse(at, "field is there twice")
            used.add(field)
            name = i.get("scale") or i.get("valueSet")
            if not name:
                continue
            codes = v["options"].get(name) or refuse(at, f"no options for `{name}`")
            listed = sh["scale"].get(name) or sh["valueset"].get(name)
            for o in listed["option"]:
                if o["code"] not in codes.values():
                    refuse(at, f"options of `{name}` leave out `{o['code']}`")
            system = cs(name) if name in sh["scale"] else listed["system"]
            source = f"{v['fields']}/{field}"
            second.append({"source": source, "target": system, "element": [same(a, b) for a, b in codes.items()]})
            if i.get("declinable"):
                second.append({"source": source, "target": DECLINED_SYSTEM,
                               "element": [same(v["declined"], "asked-declined")]})
        for link, i in by_link.items():
            if link not in fields.values() and (i["type"] not in ("group", "display") or i.get("repeats")):
                refuse(path.name, f"`{link}` of {q['role']} has no field")
    res["group"] = first + second
    return res


def same(code, target):
    return {"code": code, "target": [{"code": target, "equivalence": "equivalent"}]}


# ---- all of it

def build():
    sh = read_shared()
    paths = [p for p in sorted(HERE.glob("*.toml")) if not p.name.startswith(("shared", "vendor-"))]
    forms = []
    for p in paths:
        form = read(p)
        if form.get("form") != p.stem:
            refuse(p.name, "`form` must be the name of the file")
        form["title"] = texts(f"{p.name}: title", form.get("title"))
        forms.append(form)
    out = {}

    def add(res):
        name = f"{res['resourceType']}-{res['id']}.json"
        if name in out:
            refuse(name, "is made twice")
        out[name] = json.dumps(res, indent=2, ensure_ascii=False) + "\n"
        return res

    alerts = set()
    for res in shared_resources(sh, forms):
        add(res)
    for p, form in zip(paths, forms):
        for res in form_resources(p, form, sh):
            add(res)
        alerts |= {a["code"] for r in form["rules"] for a in r.get("alert", [])}
    for name in sorted(set(sh["alert"]) - alerts):
        print(f"note: alert `{name}` is used by no form", file=sys.stderr)
    for p in sorted(HERE.glob("vendor-*.toml")):
        add(concept_map(p, sh, forms))
    for p in sorted((HERE / "structure").glob("*.json")):
        try:
            add(json.loads(p.read_text(encoding="utf-8")))
        except ValueError as e:
            refuse(f"structure/{p.name}", str(e))
    return out


def main():
    try:
        out = build()
    except Refused as e:
        sys.exit(f"error: {e}")
    except KeyError as e:
        sys.exit(f"error: key {e} is missing in a source file ({e.__traceback__.tb_next.tb_frame.f_code.co_name})")
    old = {p.name: p.read_text(encoding="utf-8") for p in OUT.glob("*.json")}
    if "--check" in sys.argv[1:]:
        bad = [f"differs: {n}" for n in sorted(out) if n in old and old[n] != out[n]]
        bad += [f"missing: {n}" for n in sorted(out) if n not in old]
        bad += [f"stale: {n}" for n in sorted(old) if n not in out]
        if bad:
            sys.exit("\n".join(bad))
        print(f"{len(out)} files are as their source says")
        return
    for name, content in out.items():
        if old.get(name) != content:
            (OUT / name).write_text(content, encoding="utf-8")
    for name in sorted(set(old) - set(out)):
        (OUT / name).unlink()
        print(f"removed {name}")
    print(f"{len(out)} files")


if __name__ == "__main__":
    main()
