// SPDX-License-Identifier: BSD-2-Clause
//
// Elements, made of names, attributes and texts only. Names of tokens and
// channels are somebody else's text: nothing here ever parses HTML.

const asProperty = new Set(['value', 'checked', 'disabled', 'readOnly', 'indeterminate']);

function setAttribute(node, name, value) {
  if (/^on/i.test(name) || name === 'style' || name === 'srcdoc') {
    throw new TypeError(`${name} is no attribute for el()`);
  }
  if ((name === 'href' || name === 'src') && !/^(#|[a-z]+\.svg$)/.test(value)) {
    throw new TypeError(`${name} leads out of the page`);
  }
  node.setAttribute(name, value === true ? '' : value);
}

/// `attributes`: `class`, `on: {click: f}`, properties such as `value`, the
/// rest as in HTML; what is false, null or undefined is left out.
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'on') {
      for (const [event, listener] of Object.entries(value)) {
        node.addEventListener(event, listener);
      }
    } else if (asProperty.has(key)) {
      node[key] = value ?? '';
    } else if (value !== false && value !== null && value !== undefined) {
      setAttribute(node, key, value);
    }
  }
  append(node, children);
  return node;
}

export function append(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) {
      node.append(child);
    }
  }
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren();
  return append(node, children);
}

/// Somebody else's text: it cannot turn the direction of what is around it.
export function quoted(text, attributes = {}) {
  return el('bdi', attributes, text);
}

let lastId = 0;

export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}

const icons = {
  edit: 'M4 20l1-4L16 5l3 3L8 19z',
  bin: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5',
  ask: 'M9 9a3 3 0 1 1 4 3c-.8.4-1 1-1 2M12 18v.01',
  close: 'M6 6l12 12M18 6L6 18',
  plus: 'M12 5v14M5 12h14',
  copy: 'M9 9h11v11H9zM5 15V4h11',
  check: 'M5 13l4 4L19 7',
  warn: 'M12 4l9 16H3zM12 10v4M12 17v.01',
  info: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18M12 11v5M12 8v.01',
  key: 'M8 16a4 4 0 1 1 0-8 4 4 0 0 1 0 8M12 12h9v4M17 12v3',
  refresh: 'M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5',
};

const svgSpace = 'http://www.w3.org/2000/svg';

/// Says nothing to screen readers: the text beside it does.
export function icon(name) {
  const svg = document.createElementNS(svgSpace, 'svg');
  const path = document.createElementNS(svgSpace, 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', icons[name]);
  svg.append(path);
  return svg;
}

export function button(text, onClick, attributes = {}, iconName = null) {
  return el('button', { type: 'button', ...attributes, on: { click: onClick } },
    iconName && icon(iconName), el('span', {}, text));
}

/// One that does nothing now, and says why: so it can still be reached.
export function idleButton(text, reason, attributes = {}) {
  return button(text, () => {}, {
    ...attributes, title: reason, 'aria-disabled': 'true', 'aria-description': reason,
  });
}
