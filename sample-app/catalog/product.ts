import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

export class Product {
  @ApiProperty({ example: '1' })
  id!: string;
  @ApiProperty({ example: 'Desk lamp' })
  name!: string;
  @ApiProperty({ description: 'in cents', example: 3900 })
  price!: number;
  /** A Date, and still one when it comes out of the cache. */
  @ApiProperty()
  updatedAt!: Date;
}

export class ProductChange {
  @ApiPropertyOptional({ example: 'Desk lamp, brass' })
  name?: string;
  @ApiPropertyOptional({ description: 'in cents', example: 4500 })
  price?: number;
}
