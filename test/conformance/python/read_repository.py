"""Reads a Portcullis repository with the reference implementation's client (python-tuf).

Usage: read_repository.py ROOT_FILE BASE_URL WORK_DIR RELEASE_PATH

Prints the release pointer that it verified and downloaded, and the SHA-256 of the bundle that it points at, as JSON.
Exits 1 with the error's name when anything does not verify.
"""

import hashlib
import json
import os
import sys

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater


def main(root_file: str, base_url: str, work_dir: str, release_path: str) -> int:
    metadata_dir = os.path.join(work_dir, "metadata")
    target_dir = os.path.join(work_dir, "targets")
    os.makedirs(metadata_dir, exist_ok=True)
    os.makedirs(target_dir, exist_ok=True)
    with open(root_file, "rb") as file:
        root = file.read()
    try:
        updater = Updater(metadata_dir, f"{base_url}/metadata/", target_dir, f"{base_url}/targets/", bootstrap=root)
        updater.refresh()
        release = updater.get_targetinfo(release_path)
        if release is None:
            raise RepositoryError(f"{release_path} is not a target")
        with open(updater.download_target(release), "rb") as file:
            pointer = json.load(file)
        bundle = updater.get_targetinfo(pointer["stable"]["target"])
        if bundle is None:
            raise RepositoryError("the bundle is not a target")
        with open(updater.download_target(bundle), "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    except (RepositoryError, DownloadError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"pointer": pointer, "bundle_sha256": digest}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
