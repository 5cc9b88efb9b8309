"""Patches of the four types, sensible and not, in sequences by several managers on one object."""

import copy

from cases import Case, Request

TYPES = {"json": "application/json-patch+json", "merge": "application/merge-patch+json",
         "strategic": "application/strategic-merge-patch+json", "apply": "application/apply-patch+yaml"}
MANAGERS = ["a", "b", "kubectl"]
ODD_QUERIES = ["fieldManager=", "fieldManager=%0a", "fieldManager=" + "x" * 129, "force=true", "force=x", "dryRun=All", "dryRun=x", "dryRun=",
               "fieldValidation=Strict", "fieldValidation=Ignore", "fieldValidation=x", "pretty=true", "nonsense=1"]
SCALARS = ["x", "", 1, 0, -1, True, None, "y" * 70, 1.5, [], {}, ["x"], {"x": "y"}]


def places(value, path=()):
    """Every place in a value."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield path + (key,)
            yield from places(below, path + (key,))
    elif isinstance(value, list):
        for at, below in enumerate(value):
            yield path + (at,)
            yield from places(below, path + (at,))


def at(value, path):
    for step in path:
        value = value[step]
    return value


def pointer(path):
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def around(value, path, put):
    """The smallest patch of maps that reaches a place; lists on the way are taken as they are, changed."""
    if not path:
        return put
    step = path[0]
    if isinstance(value, list):
        changed = copy.deepcopy(value)
        holder = at(changed, path[:-1])
        holder[path[-1]] = put
        return changed
    return {step: around(value[step] if step in value else {}, path[1:], put)}


def json_patch(dice, made):
    operations = []
    for _ in range(dice.choice([1, 1, 2, 3])):
        path = dice.choice(list(places(made)))
        operation = {"op": dice.choice(["add", "replace", "remove", "test", "move", "copy", "add", "replace", "x"]), "path": pointer(path)}
        if dice.random() < 0.1:
            operation["path"] += dice.choice(["/x", "/-", "/0", "/-1", "", "x", "/"])
        if operation["op"] in ("add", "replace", "test", "x") or dice.random() < 0.1:
            operation["value"] = dice.choice([at(made, path), dice.choice(SCALARS)])
        if operation["op"] in ("move", "copy"):
            operation["from"] = pointer(dice.choice(list(places(made))))
        if dice.random() < 0.03:
            operation.pop(dice.choice(list(operation)))
        operations.append(operation)
    return dice.choice([operations] * 20 + [[], {}, None, "x", [None], [1], operations[0]])


def merge_patch(dice, made):
    path = dice.choice(list(places(made)))
    old = at(made, path)
    put = dice.choice([None, old, dice.choice(SCALARS), dice.choice(SCALARS)])
    return dice.choice([around(made, path, put)] * 20 + [[], None, "x", {}, 5])


def strategic_patch(dice, made):
    patch = merge_patch(dice, made)
    lists = [path for path in places(made) if isinstance(at(made, path), list)]
    if lists and dice.random() < 0.5:
        path = dice.choice([path for path in lists if not any(isinstance(step, int) for step in path)] or lists[:1])
        old = copy.deepcopy(at(made, path))
        roll = dice.random()
        if roll < 0.2 and old and isinstance(old[0], dict):
            old = [{**old[0], "$patch": dice.choice(["delete", "replace", "merge", "x"])}]
        elif roll < 0.35:
            old = old + [{"$patch": "replace"}]
        elif roll < 0.5 and old:
            old = old[:1] + ([{**old[0], "added": "x"}] if isinstance(old[0], dict) else ["added"])
        elif roll < 0.6:
            old = [{}]
        elif roll < 0.7 and len(path) and isinstance(old, list):
            holder = around(made, path[:-1], {})
            inner = holder
            for step in path[:-1]:
                inner = inner[step]
            inner[f"$setElementOrder/{path[-1]}"] = [{key: item[key] for key in ("name", "port", "containerPort", "ip", "uid", "type", "key") if key in item}
                                                    if isinstance(item, dict) else item for item in reversed(old)]
            if dice.random() < 0.5:
                inner[path[-1]] = old[-1:]
            return holder
        elif roll < 0.8:
            holder = around(made, path[:-1], {})
            inner = holder
            for step in path[:-1]:
                inner = inner[step]
            inner[f"$deleteFromPrimitiveList/{path[-1]}"] = old[:1]
            return holder
        if not any(isinstance(step, int) for step in path):
            return around(made, path, old)
    if isinstance(patch, dict) and dice.random() < 0.15:
        maps = [patch] + [value for value in patch.values() if isinstance(value, dict)]
        dice.choice(maps)[dice.choice(["$patch", "$retainKeys", "$setElementOrder/x", "$x"])] = dice.choice(["replace", "delete", "merge", "x", ["a"], [], 1, None])
    return patch


def apply_patch(dice, made):
    config = copy.deepcopy(made)
    for _ in range(dice.choice([0, 1, 1, 2, 3])):
        left = [path for path in places(config) if path[0] not in ("apiVersion", "kind")]
        if not left:
            break
        path = dice.choice(left)
        holder = at(config, path[:-1])
        roll = dice.random()
        if roll < 0.5:
            del holder[path[-1]]
        elif isinstance(holder, list) and roll < 0.6:
            holder.append(copy.deepcopy(holder[path[-1]]))
        else:
            holder[path[-1]] = dice.choice(SCALARS)
    roll = dice.random()
    if roll < 0.04:
        config.pop(dice.choice(["apiVersion", "kind", "metadata"]), None)
    elif roll < 0.08:
        config[dice.choice(["apiVersion", "kind"])] = dice.choice(["v1", "Secret", "x", "", 5, "apps/v1"])
    elif roll < 0.12 and isinstance(config.get("metadata"), dict):
        config["metadata"][dice.choice(["managedFields", "resourceVersion", "uid", "name", "namespace", "generateName"])] = dice.choice([[], "x", [{}], "1", ""])
    return config


MAKERS = {"json": json_patch, "merge": merge_patch, "strategic": strategic_patch, "apply": apply_patch}


def patch(dice, kind, made, path):
    name = dice.choice(list(MAKERS))
    query = [f"fieldManager={dice.choice(MANAGERS)}"] if name == "apply" or dice.random() < 0.7 else []
    if name == "apply" and dice.random() < 0.3:
        query.append("force=true")
    if dice.random() < 0.1:
        query.append(dice.choice(ODD_QUERIES))
        dice.shuffle(query)
    sub = f"/{dice.choice(kind.subresources)}" if kind.subresources and dice.random() < 0.1 else ""
    request = Request("PATCH", f"{path}{sub}{'?' if query else ''}{'&'.join(query)}", headers={"Content-Type": TYPES[name]}, body=MAKERS[name](dice, made))
    return name, request


def cases(dice, count, kinds):
    for number in range(count):
        kind = dice.choice(kinds)
        name = f"p{number}"
        made = kind.make(name, labels={"a": "1", "b": "2"}, annotations={"c": "d"})
        path = f"{kind.collection()}/{name}"
        requests = [Request("POST", kind.collection(), made, compared=False)] if dice.random() < 0.8 else []
        areas = []
        for _ in range(dice.choice([1, 1, 2, 4])):
            way, request = patch(dice, kind, made, path)
            requests.append(request)
            areas.append(way)
        yield Case(f"patch {'+'.join(areas) if len(areas) == 1 else 'sequence'} {kind.plural}", requests, clear=path)
