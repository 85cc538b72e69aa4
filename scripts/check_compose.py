"""The rules of scripts/check-compose."""

import copy
import pathlib
import re
import sys

import yaml

# What a value is where the environment says nothing: ${NAME:-default}.
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")

# Keys that give a container more than it needs, whichever service has them.
TOO_MUCH = ("privileged", "cap_add", "network_mode", "pid", "ipc", "userns_mode", "devices", "volumes_from")


class Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML's own loader keeps the last."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"{key} is there twice, the second time at{node.start_mark}")
        return super().construct_mapping(node, deep)


def load(path):
    return yaml.load(DEFAULT.sub(r"\1", path.read_text()), Loader)


def common(file):
    """What holds for both files."""
    services = file.get("services", {})
    for name, service in services.items():
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"{name}: {port} is published on more than loopback"
        for key in TOO_MUCH:
            if key in service:
                yield f"{name}: has {key}"
        for volume in service.get("volumes", []):
            if str(volume).split(":")[0] not in file.get("volumes", {}):
                yield f"{name}: {volume} is no named volume of this file"
        if service.get("networks") != ["inventory"]:
            yield f"{name}: is not on the file's own network, inventory"
        image = service.get("image", "")
        if "build" not in service and (":" not in image or image.endswith(":latest")):
            yield f"{name}: image {image} names no release"
    if "inventory" not in file.get("networks", {}):
        yield "there is no network of its own, inventory"
    for name in ("mongo", "redis"):
        if not services.get(name, {}).get("healthcheck", {}).get("test"):
            yield f"{name}: has no health check"
    if "mongosh" not in services.get("mongo", {}).get("healthcheck", {}).get("test", []):
        yield "mongo: is not asked with mongosh"
    redis = services.get("redis", {}).get("command", [])
    options = dict(zip(redis[1::2], redis[2::2]))
    wanted = {"--save": "", "--appendonly": "no", "--maxmemory-policy": "allkeys-lru"}
    for option, value in wanted.items():
        if options.get(option) != value:
            yield f"redis: {option} must be {value!r}, and is {options.get(option)!r}"
    if options.get("--maxmemory", "0").startswith("0"):
        yield "redis: has no bound, --maxmemory"


def deployment(file, image_user):
    """What holds for docker-compose.yml."""
    services = file.get("services", {})
    if set(services) != {"app", "mongo", "redis"}:
        yield f"the services must be app, mongo and redis, and are {', '.join(services)}"
        return
    app = services["app"]
    for name in ("mongo", "redis"):
        if app.get("depends_on", {}).get(name, {}).get("condition") != "service_healthy":
            yield f"app: does not wait until {name} is healthy"
        if services[name].get("ports"):
            yield f"{name}: is published"
    for name, service in services.items():
        if service.get("cap_drop") != ["ALL"]:
            yield f"{name}: keeps capabilities"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: may gain privileges"
    if app.get("ports") != ["127.0.0.1:8080:8080"]:
        yield f"app: must publish 127.0.0.1:8080 by default, and publishes {app.get('ports')}"
    if app.get("read_only") is not True:
        yield "app: its root can be written to"
    if app.get("stop_grace_period") != "30s":
        yield "app: needs a grace period of 30s, because it takes up to 25 s to finish what is under way"
    if app.get("healthcheck"):
        yield "app: its health check is the image's"
    environment = app.get("environment", {})
    # Unquoted it is a boolean to YAML 1.1, and "false" to the daemon.
    if environment.get("INVENTORYD_AUTH") not in ("off", "writes", "all"):
        yield f"app: INVENTORYD_AUTH must be \"off\", writes or all, and is {environment.get('INVENTORYD_AUTH')!r}"
    for variable, start in (("MONGO_URL", "mongodb://mongo:27017/"), ("REDIS_URL", "redis://redis:6379/")):
        if not environment.get(variable, "").startswith(start):
            yield f"app: {variable} must begin with {start}"
    places = {entry.split(":")[0]: entry.partition(":")[2].split(",") for entry in app.get("tmpfs", [])}
    uid, _, gid = image_user.partition(":")
    if not {f"uid={uid}", f"gid={gid}"} <= set(places.get("/run/inventoryd", [])):
        yield f"app: /run/inventoryd must be a tmpfs of the image's user, {image_user}"
    if "mongo-data:/data/db" not in services["mongo"].get("volumes", []):
        yield "mongo: its data are on no volume"
    if services["redis"].get("volumes"):
        yield "redis: is a cache and needs no volume"


def development(file):
    """What holds for docker-compose.dev.yml."""
    if set(file.get("services", {})) != {"mongo", "redis"}:
        yield "the services must be mongo and redis alone"
    for name, port in (("mongo", 27017), ("redis", 6379)):
        if file["services"].get(name, {}).get("ports") != [f"127.0.0.1:{port}:{port}"]:
            yield f"{name}: must be published on 127.0.0.1:{port} by default"


def findings(main, dev, image_user):
    found = [f"docker-compose.yml: {finding}" for finding in (*common(main), *deployment(main, image_user))]
    return found + [f"docker-compose.dev.yml: {finding}" for finding in (*common(dev), *development(dev))]


# Each breaks one thing: a path into docker-compose.yml, what to put there (None takes it away), and what is said of it.
BREAKS = (
    ("services.redis", None, "the services must be"),
    ("services.app.depends_on.mongo.condition", "service_started", "does not wait until mongo"),
    ("services.app.depends_on.redis", None, "does not wait until redis"),
    ("services.app.ports", ["8080:8080"], "published on more than loopback"),
    ("services.app.ports", ["127.0.0.1:9:8080"], "must publish 127.0.0.1:8080"),
    ("services.mongo.ports", ["127.0.0.1:27017:27017"], "mongo: is published"),
    ("services.app.read_only", False, "root can be written"),
    ("services.app.cap_drop", None, "keeps capabilities"),
    ("services.app.cap_add", ["SYS_ADMIN"], "has cap_add"),
    ("services.app.security_opt", [], "may gain privileges"),
    ("services.app.stop_grace_period", "10s", "grace period"),
    ("services.app.healthcheck", {"test": ["CMD", "true"]}, "is the image's"),
    ("services.app.environment.INVENTORYD_AUTH", False, "INVENTORYD_AUTH must be"),
    ("services.app.environment.MONGO_URL", "mongodb://elsewhere/", "MONGO_URL must begin"),
    ("services.app.tmpfs", ["/run/inventoryd"], "tmpfs of the image's user"),
    ("services.app.networks", ["default"], "own network"),
    ("services.mongo.healthcheck", None, "mongo: has no health check"),
    ("services.mongo.healthcheck.test", ["CMD", "true"], "asked with mongosh"),
    ("services.mongo.volumes", [], "on no volume"),
    ("services.mongo.volumes", ["./data:/data/db"], "no named volume"),
    ("services.mongo.image", "mongo", "names no release"),
    ("services.redis.volumes", ["mongo-data:/data"], "needs no volume"),
    ("services.redis.command", ["redis-server"], "--maxmemory-policy must be"),
    ("services.redis.command", ["redis-server", "--maxmemory", "0"], "has no bound"),
    ("networks", {}, "no network of its own"),
)


def broken(file, path, value):
    file = copy.deepcopy(file)
    *way, last = path.split(".")
    place = file
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return file


def self_test(main, dev, image_user):
    missed = 0
    for path, value, said in BREAKS:
        if not any(said in finding for finding in findings(broken(main, path, value), dev, image_user)):
            print(f"self-test: {path} = {value!r} is not found out")
            missed += 1
    for path, value in (("services.app", {}), ("services.redis.ports", ["6379:6379"])):
        if not findings(main, broken(dev, path, value), image_user):
            print(f"self-test: {path} = {value!r} in the development file is not found out")
            missed += 1
    print(f"self-test: {len(BREAKS) + 2 - missed} breaches found out, {missed} not")
    return missed == 0


def main(arguments):
    root = pathlib.Path(arguments[0])
    try:
        files = [load(root / name) for name in ("docker-compose.yml", "docker-compose.dev.yml")]
    except yaml.YAMLError as error:
        sys.exit(str(error))
    image_user = re.search(r"^USER (\d+:\d+)$", (root / "Dockerfile").read_text(), re.MULTILINE)
    if image_user is None:
        sys.exit("Dockerfile: USER must be a number for the user and one for the group")
    files.append(image_user[1])
    if "--self-test" in arguments and not self_test(*files):
        sys.exit(1)
    found = findings(*files)
    for finding in found:
        print(finding)
    sys.exit(1 if found else 0)


main(sys.argv[1:])
