//! Joins the page's modules into few files: what it needs to start into one, each part that is loaded later into one.
//!
//! Every module stays a scope of its own, runs once, behind what it imports; the names of another module are taken when
//! it has run. What would make a difference then, cycles and names that change after they were exported, is refused. No
//! tool makes anything beforehand: the server does it when it starts, from the files as they are written.

use super::script::{self, Place, Script};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// All modules of a page, taken apart.
struct Modules {
    scripts: BTreeMap<String, Script>,
}

/// The name under which modules that have run are known within a page.
const MODULES: &str = "clarion_modules";

/// Joins all modules that `start` and the worker reach. Gives each file by its path; a file stands where the module
/// stands that is asked for by it.
///
/// # Errors
/// Why the modules cannot be joined, naming the one.
pub fn join<'a>(start: &str, worker: &str, read: impl Fn(&str) -> Option<&'a str>) -> Result<BTreeMap<String, String>, String> {
    let modules = Modules::read([start, worker], read)?;
    let mut files = BTreeMap::new();
    // The worker has a world of its own: it shares nothing with the page, wherever it runs.
    let alone = modules.in_order(&[worker])?;
    files.insert(worker.to_owned(), modules.file(worker, worker, &alone, &[])?);
    if modules.scripts.contains_key(start) {
        let first = modules.in_order(&[start])?;
        files.insert(start.to_owned(), modules.file(start, start, &first, &[])?);
        for (name, (members, entry, needs)) in modules.parts(&first, worker)? {
            let needs: Vec<&str> = std::iter::once(start).chain(needs.iter().map(String::as_str)).collect();
            files.insert(name.clone(), modules.file(&name, entry.as_deref().unwrap_or(""), &members, &needs)?);
        }
    }
    Ok(files)
}

/// The modules of a part that is loaded later, which of them it is asked for by, and the other parts that it needs.
type Part = (Vec<String>, Option<String>, Vec<String>);

impl Modules {
    fn read<'a>(entries: [&str; 2], read: impl Fn(&str) -> Option<&'a str>) -> Result<Self, String> {
        let mut scripts = BTreeMap::new();
        let mut waiting: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        while let Some(path) = waiting.pop() {
            if scripts.contains_key(&path) {
                continue;
            }
            let text = read(&path).ok_or_else(|| format!("there is no module {path}"))?;
            let script = script::read(text).map_err(|why| format!("{path}: {why}"))?;
            for import in &script.imports {
                waiting.push(resolve(&path, &import.specifier)?);
            }
            for specifier in script.pieces.iter().filter_map(later) {
                waiting.push(resolve(&path, specifier)?);
            }
            scripts.insert(path, script);
        }
        Ok(Self { scripts })
    }

    fn needs(&self, path: &str) -> Result<Vec<String>, String> {
        self.scripts[path].imports.iter().map(|import| resolve(path, &import.specifier)).collect()
    }

    /// Everything that these need by static imports, and they themselves, each behind what it needs.
    fn in_order(&self, entries: &[&str]) -> Result<Vec<String>, String> {
        let mut order = Vec::new();
        let mut state = BTreeMap::new();
        for entry in entries {
            self.visit(entry, &mut state, &mut order)?;
        }
        Ok(order)
    }

    fn visit(&self, path: &str, done: &mut BTreeMap<String, bool>, order: &mut Vec<String>) -> Result<(), String> {
        match done.get(path) {
            Some(true) => return Ok(()),
            Some(false) => return Err(format!("{path} needs itself, through what it imports")),
            None => {}
        }
        done.insert(path.to_owned(), false);
        for needed in self.needs(path)? {
            self.visit(&needed, done, order)?;
        }
        done.insert(path.to_owned(), true);
        order.push(path.to_owned());
        Ok(())
    }

    /// What is loaded later: modules that the same imports reach stand together.
    fn parts(&self, first: &[String], worker: &str) -> Result<BTreeMap<String, Part>, String> {
        let mut entries = BTreeSet::new();
        for (path, script) in &self.scripts {
            for specifier in script.pieces.iter().filter_map(later) {
                entries.insert(resolve(path, specifier)?);
            }
        }
        entries.remove(worker);
        let first: BTreeSet<&String> = first.iter().collect();
        if let Some(entry) = entries.iter().find(|entry| first.contains(entry)) {
            return Err(format!("{entry} is imported for later, but needed from the start"));
        }
        let mut reached: BTreeMap<String, BTreeSet<&String>> = BTreeMap::new();
        for entry in &entries {
            for path in self.in_order(&[entry])? {
                if !first.contains(&path) {
                    reached.entry(path).or_default().insert(entry);
                }
            }
        }
        let order = self.in_order(&entries.iter().map(String::as_str).collect::<Vec<_>>())?;
        let mut groups: BTreeMap<&BTreeSet<&String>, Vec<String>> = BTreeMap::new();
        for path in order.into_iter().filter(|path| !first.contains(path)) {
            groups.entry(&reached[&path]).or_default().push(path);
        }
        // A part stands where the module stands that it is asked for by; one that only other parts need, at its first one.
        let named: Vec<(String, Vec<String>)> = groups
            .into_values()
            .map(|members| (members.iter().find(|path| entries.contains(*path)).unwrap_or(&members[0]).clone(), members))
            .collect();
        let home: BTreeMap<&str, &str> =
            named.iter().flat_map(|(name, members)| members.iter().map(move |path| (path.as_str(), name.as_str()))).collect();
        let mut parts = BTreeMap::new();
        for (name, members) in &named {
            let mut needs = BTreeSet::new();
            for path in members {
                for needed in self.needs(path)? {
                    needs.extend(home.get(needed.as_str()).filter(|other| *other != name).map(|other| (*other).to_owned()));
                }
            }
            let entry = entries.contains(name).then(|| name.clone());
            parts.insert(name.clone(), (members.clone(), entry, needs.into_iter().collect()));
        }
        Ok(parts)
    }

    /// One file. The first that it needs holds the modules that have run; without one it begins anew.
    fn file(&self, name: &str, entry: &str, members: &[String], needs: &[&str]) -> Result<String, String> {
        let mut out = String::new();
        let put = |out: &mut String, line: std::fmt::Arguments| out.write_fmt(line).expect("a text takes everything");
        match needs {
            [] => put(&mut out, format_args!("export const {MODULES} = {{}};\n")),
            [first, others @ ..] => {
                put(&mut out, format_args!("import {{ {MODULES} }} from '{}';\n", relative(name, first)));
                for other in others {
                    put(&mut out, format_args!("import '{}';\n", relative(name, other)));
                }
            }
        }
        for path in members {
            put(&mut out, format_args!("{MODULES}['{path}'] = (() => {{\n"));
            self.module(&mut out, name, path)?;
            put(&mut out, format_args!("\n}})();\n"));
        }
        if let Some(script) = self.scripts.get(entry) {
            for exported in self.names(entry, script) {
                if exported == "default" {
                    put(&mut out, format_args!("export default {MODULES}['{entry}'].default;\n"));
                } else {
                    put(&mut out, format_args!("export const {exported} = {MODULES}['{entry}'].{exported};\n"));
                }
            }
        }
        Ok(out)
    }

    fn names<'a>(&self, _path: &str, script: &'a Script) -> Vec<&'a str> {
        script.exports.keys().map(String::as_str).chain(script.passed_on.iter().map(|(name, ..)| name.as_str())).collect()
    }

    fn has(&self, path: &str, name: &str) -> bool {
        self.scripts.get(path).is_some_and(|script| self.names(path, script).contains(&name))
    }

    fn module(&self, out: &mut String, file: &str, path: &str) -> Result<(), String> {
        let script = &self.scripts[path];
        for import in &script.imports {
            let from = resolve(path, &import.specifier)?;
            let mut taken = Vec::new();
            for (there, here) in &import.names {
                if there == "*" {
                    out.push_str(&format!("const {here} = {MODULES}['{from}'];\n"));
                    continue;
                }
                if !self.has(&from, there) {
                    return Err(format!("{path} imports `{there}` of {from}, which does not export it"));
                }
                taken.push(if there == here { there.clone() } else { format!("{there}: {here}") });
            }
            if !taken.is_empty() {
                out.push_str(&format!("const {{ {} }} = {MODULES}['{from}'];\n", taken.join(", ")));
            }
        }
        for (piece, place) in &script.pieces {
            out.push_str(piece);
            match place {
                Some(Place::Later(specifier)) => out.push_str(&format!("'{}'", relative(file, &resolve(path, specifier)?))),
                Some(Place::OwnAddress) => out.push_str(&format!("new URL('{}', import.meta.url).href", relative(file, path))),
                None => {}
            }
        }
        let mut given: Vec<String> =
            script.exports.iter().map(|(name, local)| if name == local { name.clone() } else { format!("{name}: {local}") }).collect();
        for (name, specifier, there) in &script.passed_on {
            let from = resolve(path, specifier)?;
            if !self.has(&from, there) {
                return Err(format!("{path} passes on `{there}` of {from}, which does not export it"));
            }
            given.push(format!("{name}: {MODULES}['{from}'].{there}"));
        }
        out.push_str(&format!("\nreturn {{ {} }};", given.join(", ")));
        Ok(())
    }
}

fn later((_, place): &(String, Option<Place>)) -> Option<&str> {
    match place {
        Some(Place::Later(specifier)) => Some(specifier),
        _ => None,
    }
}

/// The path of a relative specifier, seen from a module.
fn resolve(from: &str, specifier: &str) -> Result<String, String> {
    let outside = || format!("{from} imports {specifier}, which is not a module of the page");
    if !specifier.starts_with("./") && !specifier.starts_with("../") {
        return Err(outside());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop().ok_or_else(outside)?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// How a file names another one.
fn relative(from: &str, to: &str) -> String {
    let up = from.matches('/').count();
    if up == 0 { format!("./{to}") } else { format!("{}{to}", "../".repeat(up)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &str); 9] = [
        (
            "app.js",
            "import { a } from './views/a.js'; import './side.js'; const later = () => import('./views/late.js'); const other = import('./views/other.js'); a(later, other);",
        ),
        (
            "views/a.js",
            "import { shared as s } from '../store/b.js';\n// says a\nexport const a = () => s;\nexport const wait = () => import('./late.js');",
        ),
        ("store/b.js", "export function shared() {}\nexport { shared as also };"),
        ("side.js", "globalThis.side = 1;"),
        (
            "views/late.js",
            "import { shared } from '../store/b.js'; import { both } from './both.js'; import { only } from './only.js'; export default { shared, both, only };",
        ),
        ("views/other.js", "import { both } from './both.js'; export { both }; export const own = 1;"),
        ("views/both.js", "export const both = 2;"),
        ("views/only.js", "export const only = 3;"),
        (
            "link/shared.js",
            "import { shared } from '../store/b.js'; export const start = () => new URL('./x.js', import.meta.url) && shared;",
        ),
    ];

    fn joined(files: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
        join("app.js", "link/shared.js", |path| files.iter().find(|(name, _)| *name == path).map(|(_, text)| *text))
    }

    #[test]
    fn what_starts_the_page_is_one_file_and_each_later_part_one() {
        let files = joined(&FILES).unwrap();
        assert_eq!(
            files.keys().map(String::as_str).collect::<Vec<_>>(),
            ["app.js", "link/shared.js", "views/both.js", "views/late.js", "views/other.js"]
        );
        let app = &files["app.js"];
        let place = |path: &str| app.find(&format!("clarion_modules['{path}'] = ")).unwrap();
        assert!(place("store/b.js") < place("views/a.js") && place("views/a.js") < place("side.js") && place("side.js") < place("app.js"));
        assert!(app.contains("import('./views/late.js')") && !app.contains("says a"), "{app}");
        assert!(app.contains("return { also: shared, shared: shared }") || app.contains("return { also: shared, shared };"), "{app}");
        let late = &files["views/late.js"];
        assert!(late.starts_with("import { clarion_modules } from '../app.js';\nimport '../views/both.js';\n"), "{late}");
        assert!(late.contains("['views/only.js'] = ") && !late.contains("['views/both.js'] = ") && !late.contains("['store/b.js'] = "));
        assert!(late.ends_with("export default clarion_modules['views/late.js'].default;\n"));
        assert!(files["views/other.js"].contains("export const own = clarion_modules['views/other.js'].own;"));
        let worker = &files["link/shared.js"];
        assert!(
            worker.starts_with("export const clarion_modules = {};") && worker.contains("['store/b.js'] = "),
            "the worker shares nothing"
        );
        assert!(worker.contains("new URL('./x.js', new URL('../link/shared.js', import.meta.url).href)"), "{worker}");
    }

    #[test]
    fn what_would_run_otherwise_than_it_is_written_is_refused() {
        let with = |path: &'static str, text: &'static str| {
            let mut files = FILES.to_vec();
            files.retain(|(name, _)| *name != path);
            files.push((path, text));
            joined(&files).unwrap_err()
        };
        assert!(with("store/b.js", "import '../views/a.js'; export function shared() {}").contains("needs itself"));
        assert!(with("store/b.js", "export function other() {}").contains("does not export it"));
        assert!(with("side.js", "import 'bare';").contains("not a module of the page"));
        assert!(with("side.js", "import './none.js';").contains("no module none.js"));
        assert!(with("side.js", "import './views/late.js';").contains("needed from the start"));
        assert!(with("views/only.js", "export let only = 3;").starts_with("views/only.js: export let"));
    }
}
