"""Tags the wheel: any Python 3, but the machine that the library inside was built for."""

import platform

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel


class WheelWithLibrary(bdist_wheel):
    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self):
        return "py3", "none", f"linux_{platform.machine()}"


setup(cmdclass={"bdist_wheel": WheelWithLibrary})
