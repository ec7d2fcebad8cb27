// SPDX-License-Identifier: BSD-2-Clause
//
// What must hold of each view, whoever looks at it and with whatever screen.

import { is, ok } from './bridge.mjs';
import { axeSource } from './packages.mjs';

const themes = ['light', 'dark'];
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const phone = { width: 360, height: 740 };
export const desk = { width: 1280, height: 800 };

function found(violation) {
  const where = violation.nodes.slice(0, 5).map((node) => `    ${node.target.join(' ')}: ${node.failureSummary}`);
  return `${violation.impact} ${violation.id}: ${violation.help}\n${where.join('\n')}`;
}

async function violations(page) {
  if (!await page.evaluate(() => 'axe' in window)) {
    await page.evaluate(axeSource);
  }
  const result = await page.evaluate((values) => window.axe.run(document, {
    runOnly: { type: 'tag', values },
    resultTypes: ['violations'],
  }), rules);
  return result.violations.filter((x) => x.impact === 'serious' || x.impact === 'critical');
}

export async function accessible(page, name) {
  for (const colorScheme of themes) {
    await page.emulateMedia({ colorScheme });
    const bad = await violations(page);
    ok(bad.length === 0, `${name}, ${colorScheme}: axe finds nothing serious`, bad.map(found).join('\n'));
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

// Nothing is wider than the screen, whatever that is.
export async function fits(page, name, width) {
  const wide = await page.evaluate(() => {
    const room = document.documentElement.clientWidth;
    const over = [...document.body.querySelectorAll('*')].filter((x) => {
      const box = x.getBoundingClientRect();
      return box.width > 0 && box.right > room + 1 && getComputedStyle(x).position !== 'fixed';
    });
    return document.scrollingElement.scrollWidth <= room ? null
      : over.slice(0, 5).map((x) => `${x.tagName}.${x.className} ${x.textContent.slice(0, 40)}`);
  });
  return ok(wide === null, `${name}: no sideways scrolling in ${width} pixels`, wide ?? '');
}

// A finger needs room: WCAG 2.2 asks for 24 pixels.
export async function fitsFinger(page, name) {
  const small = await page.evaluate(() => [...document.querySelectorAll('button, select, input, a[href]')]
    .map((x) => [x, x.getBoundingClientRect()])
    .filter(([x, box]) => box.width > 0 && x.matches('button, select, input:not([type=checkbox]):not([type=radio])')
      && (box.height < 24 || box.width < 24))
    .map(([x, box]) => `${x.tagName} ${x.textContent.slice(0, 30)} ${box.width}x${box.height}`));
  is(small, [], `${name}: everything is wide enough for a finger`);
}

// All that has jumped since the page was loaded, other than by one's own doing.
export async function shifted(page) {
  return page.evaluate(() => new Promise((resolve) => {
    let sum = 0;
    const worst = [];
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries().filter((x) => !x.hadRecentInput)) {
        sum += entry.value;
        worst.push(`${entry.value.toFixed(4)} ${entry.sources.map((x) => x.node?.nodeName
          + '.' + (x.node?.className ?? '')).join(' ')}`);
      }
    });
    observer.observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => {
      observer.disconnect();
      resolve({ sum, worst: worst.slice(0, 10) });
    }, 300);
  }));
}

export async function still(page, name) {
  const { sum, worst } = await shifted(page);
  ok(sum < 0.1, `${name}: nothing jumped`, `${sum}`, worst);
}

// The elements of a node without its texts: two rows with other texts are the
// same.
export async function skeleton(locator) {
  return locator.evaluateAll((nodes) => {
    const of = (node) => `${node.localName}${node.id ? '#' : ''}(${[...node.children].map(of).join(',')})`;
    return nodes.map(of);
  });
}
