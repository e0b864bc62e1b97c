import { rebuild } from '../../lib/core/value/rebuild.js';
import { codec, roundTrip } from './support.js';

class Product {
  static made = 0;
  name = 'tea';
  price = 3;
  constructor() {
    Product.made++;
  }
  get label(): string {
    return `${this.name}: ${this.price}`;
  }
  set label(_text: string) {
    throw new Error('a setter ran');
  }
}

describe('rebuild', () => {
  it('makes an instance that equals the one whose data was stored', () => {
    const product = new Product();
    const back = rebuild(Product, roundTrip(product, codec, { plain: true }));
    expect(back).toStrictEqual(product);
    expect((back as Product).label).toBe('tea: 3');
  });

  it('makes an array of instances of an array', () => {
    const list = [new Product(), new Product()];
    expect(rebuild(Product, roundTrip(list, codec, { plain: true }))).toStrictEqual(list);
  });

  it('runs neither the constructor nor a setter', () => {
    Product.made = 0;
    const back = rebuild(Product, { label: 'given', name: 'x' }) as Product;
    expect(Product.made).toBe(0);
    expect(back.label).toBe('given');
  });

  it('lets data choose no prototype', () => {
    const data: unknown = JSON.parse('{"__proto__":{"isAdmin":true},"name":"x"}');
    const back = rebuild(Product, data) as Product & { isAdmin?: boolean };
    expect(Object.getPrototypeOf(back)).toBe(Product.prototype);
    expect(back.isAdmin).toBeUndefined();
  });

  it('gives back as it is what is not a plain object', () => {
    for (const data of [null, undefined, 'text', 5, new Date(1), Buffer.from('x')])
      expect(rebuild(Product, data)).toBe(data);
    expect(rebuild(Product, [null, 1])).toStrictEqual([null, 1]);
  });

  it('takes data without a prototype', () => {
    expect(rebuild(Product, Object.assign(Object.create(null), { name: 'x' }))).toBeInstanceOf(Product);
  });
});
