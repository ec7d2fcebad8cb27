// SPDX-License-Identifier: BSD-2-Clause
//
// The packages of t/web/package.json. They are installed under build/, where no
// import of a module in t/ would look for them.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const folder = process.env.PSM_WEB;
const require = createRequire(`${folder}/package.json`);

export const { chromium } = require('playwright-core');
export const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export function cspEvaluator() {
  const { CspParser } = require('csp_evaluator/dist/parser.js');
  const { CspEvaluator } = require('csp_evaluator/dist/evaluator.js');
  const { Severity } = require('csp_evaluator/dist/finding.js');
  return { CspParser, CspEvaluator, Severity };
}
