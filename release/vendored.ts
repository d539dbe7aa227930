/** A library that another package carries in its own files. */
export interface Vendored {
  readonly name: string;
  readonly version: string;
  /** The package that carries it. */
  readonly carrier: string;
  /** All of them have the MIT license. Source: the file LICENSE of each project. */
  readonly copyright: string;
}

/** The vendored libraries in the executable. The source maps of the bundles name them. */
export const VENDORED: readonly Vendored[] = [
  {
    name: "@cfworker/json-schema",
    version: "4.1.1",
    carrier: "@modelcontextprotocol/server",
    copyright: "Copyright (c) 2020 Jeremy Danyow",
  },
  {
    name: "content-type",
    version: "1.0.5",
    carrier: "@modelcontextprotocol/server",
    copyright: "Copyright (c) 2015 Douglas Christopher Wilson",
  },
];

/** Source: https://opensource.org/license/mit */
export const MIT =
  `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
